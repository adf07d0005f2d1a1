"""Handlers by name: what a processor can run, and how each wants its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, TypeVar, get_type_hints

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PydanticUserError,
    ValidationError,
    create_model,
)
from pydantic_core import from_json, to_json

from ledger.errors import LedgerError
from processor.handlers.context import JobContext
from processor.handlers.outcome import Permanent
from processor.handlers.retry import RetryPolicy

F = TypeVar("F", bound=Callable[..., Any])
MAX_NAME_CHARS: Final = 200
SIGNATURES: Final = "take (params, job), (params), (job: JobContext) or ()"


class InvalidHandler(LedgerError):
    """A function cannot be a handler as it is, or its name is taken. The registry is as it was."""


class InvalidParams(Permanent):
    """The parameters of a job do not fit its handler."""


class Request(BaseModel):
    """A request as a handler reads it; each handler has a subclass with its own type of ``params``."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    namespace: Annotated[str, BeforeValidator(lambda given: "default" if given is None else given)] = "default"
    params: Any = None


@dataclass(frozen=True, slots=True)
class Handler:
    """A function that runs the jobs of one name.

    ``call`` takes (params, job) whatever the function itself takes; for an async function it gives a coroutine.
    ``timeout_s`` and ``max_attempts`` hold where the job asks for nothing else; None leaves it to the service.
    ``abandons``: an attempt that runs out of time ends at once, whether its function has returned or not.
    """

    name: str
    function: Callable[..., Any]
    call: Callable[[Any, JobContext], Any]
    is_async: bool
    request_type: type[Request]
    max_attempts: int | None = None
    timeout_s: float | None = None
    retry: RetryPolicy | None = None
    no_retry: tuple[type[Exception], ...] = (Permanent,)
    abandons: bool = False

    def read(self, request: str) -> Request:
        """Read a request's JSON text in one go. Raises InvalidParams, which names each field that is wrong."""
        try:
            return self.request_type.model_validate_json(_without_null_params(request))
        except ValidationError as error:
            raise InvalidParams(_explain(error), hint=f"see what the handler {self.name!r} takes") from None


@dataclass(slots=True)
class Registry:
    """The handlers of a processor.

    Example:

        jobs = Registry()

        @jobs.handler("count-words", max_attempts=3, timeout=30)
        def count_words(params: CountParams, job: JobContext) -> Counts: ...
    """

    _handlers: dict[str, Handler] = field(default_factory=dict)

    def handler(
        self,
        name: str,
        *,
        max_attempts: int | None = None,
        timeout: float | None = None,
        retry: RetryPolicy | None = None,
        no_retry: Iterable[type[Exception]] = (),
        on_timeout: Literal["wait", "abandon"] = "wait",
    ) -> Callable[[F], F]:
        """Register the decorated function for the jobs of this name, and leave it as it is.

        The function takes (params, job), (params), (job) or nothing; the annotation of ``params`` is what the
        parameters are validated as: a pydantic model, a dataclass, or a dict where there is none.
        ``timeout`` is in seconds an attempt; errors of the types in ``no_retry`` fail the job at once.

        A function that goes on after its time cannot be stopped from outside. By default its attempt waits for it,
        shown as "timed out, stopping", so that no two run side by side. ``on_timeout="abandon"`` ends the attempt at
        once, and the next one may start while the function still runs. Its place is taken until it returns, either way.
        Raises InvalidHandler.
        """

        def register(function: F) -> F:
            if on_timeout not in ("wait", "abandon"):
                raise InvalidHandler(f"handler {name!r}: on_timeout is 'wait' or 'abandon', not {on_timeout!r}")
            self._add(name, function, max_attempts, timeout, retry, (Permanent, *no_retry), on_timeout == "abandon")
            return function

        return register

    def _add(
        self,
        name: str,
        function: Callable[..., Any],
        max_attempts: int | None,
        timeout: float | None,
        retry: RetryPolicy | None,
        no_retry: tuple[type[Exception], ...],
        abandons: bool,
    ) -> None:
        if not 1 <= len(name) <= MAX_NAME_CHARS:
            raise InvalidHandler(f"the name of a handler has 1 to {MAX_NAME_CHARS} characters, not {len(name)}")
        if name in self._handlers:
            taken = self._handlers[name].function
            raise InvalidHandler(f"two handlers are named {name!r}: {taken!r} and {function!r}")
        if max_attempts is not None and max_attempts < 1:
            raise InvalidHandler(f"handler {name!r}: max_attempts must be 1 or more")
        if timeout is not None and timeout <= 0:
            raise InvalidHandler(f"handler {name!r}: timeout must be more than 0 seconds")
        if (
            not inspect.isroutine(function)
            or inspect.isgeneratorfunction(function)
            or inspect.isasyncgenfunction(function)
        ):
            raise InvalidHandler(f"handler {name!r}: {function!r} is not a plain or async function")
        call, params = _adapt(name, function)
        self._handlers[name] = Handler(
            name=name,
            function=function,
            call=call,
            is_async=inspect.iscoroutinefunction(function),
            request_type=_request_type(name, params),
            max_attempts=max_attempts,
            timeout_s=timeout,
            retry=retry,
            no_retry=no_retry,
            abandons=abandons,
        )

    def find(self, name: str) -> Handler:
        """The handler for the jobs of this name. Raises KeyError where there is none."""
        return self._handlers[name]

    def names(self, *, is_async: bool | None = None) -> list[str]:
        """The names, sorted; only those of async or of plain functions where that is asked."""
        return sorted(h.name for h in self if is_async is None or h.is_async == is_async)

    def __iter__(self) -> Iterator[Handler]:
        return iter(self._handlers.values())

    def __len__(self) -> int:
        return len(self._handlers)


def _adapt(name: str, function: Callable[..., Any]) -> tuple[Callable[[Any, JobContext], Any], Any]:
    """The function as one of (params, job), and the type of its params."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise InvalidHandler(
            f"handler {name!r}: an annotation cannot be resolved: {error}",
            hint="define the type at the top of its module",
        ) from error
    match _positional(name, function):
        case []:
            return (lambda _params, _job: function()), None
        case [only] if hints.get(only) is JobContext:
            return (lambda _params, job: function(job)), None
        case [only]:
            return (lambda params, _job: function(params)), hints.get(only)
        case [params, _job]:
            return function, hints.get(params)
        case more:
            raise InvalidHandler(
                f"handler {name!r}: {function.__qualname__} takes {len(more)} arguments", hint=SIGNATURES
            )


def _positional(name: str, function: Callable[..., Any]) -> list[str]:
    """The arguments to give by position: two at most, if the others have defaults."""
    taken: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        optional = parameter.default is not parameter.empty
        match parameter.kind:
            case parameter.POSITIONAL_ONLY | parameter.POSITIONAL_OR_KEYWORD if not (optional and len(taken) >= 2):
                taken.append(parameter.name)
            case parameter.KEYWORD_ONLY if not optional:
                raise InvalidHandler(
                    f"handler {name!r}: {function.__qualname__} needs the keyword argument {parameter.name!r}",
                    hint=SIGNATURES,
                )
    return taken


def _request_type(name: str, params: Any) -> type[Request]:
    kind = dict[str, JsonValue] if params in (None, Any, dict) else params
    try:
        # a request without params is one with {}: the handler's own type says whether that will do
        return create_model(f"Request[{name}]", __base__=Request, params=(kind, Field({}, validate_default=True)))
    except (PydanticUserError, NameError, TypeError) as error:
        raise InvalidHandler(f"handler {name!r}: pydantic cannot read {kind!r}: {error}") from error


def _without_null_params(request: str) -> str:
    """Params that are null were not given, whatever the handler's type makes of null."""
    if "null" not in request:
        return request
    try:
        given = from_json(request)
    except ValueError:
        return request  # the model says what is wrong
    if not isinstance(given, dict) or given.get("params", {}) is not None:
        return request
    return to_json({"namespace": given.get("namespace")}).decode()


def _explain(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors(include_url=False)[:10]
    )
