"""A function that runs the jobs of one name, and how it wants their requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import from_json, to_json

from processor.handlers.outcome import Permanent

if TYPE_CHECKING:
    from processor.handlers.context import JobContext
    from processor.handlers.retry import RetryPolicy


class InvalidParams(Permanent):
    """The parameters of a job do not fit its handler."""


class ParsedRequest(BaseModel):
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
    request_type: type[ParsedRequest]
    max_attempts: int | None = None
    timeout_s: float | None = None
    retry: RetryPolicy | None = None
    no_retry: tuple[type[Exception], ...] = (Permanent,)
    abandons: bool = False

    def read(self, request: str) -> ParsedRequest:
        """Read a request's JSON text in one go. Raises InvalidParams, which names each field that is wrong."""
        try:
            return self.request_type.model_validate_json(_without_null_params(request))
        except ValidationError as error:
            raise InvalidParams(_explain(error), hint=f"see what the handler {self.name!r} takes") from None


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
