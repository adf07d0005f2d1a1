"""What a function takes, and how it is called as a handler."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, get_type_hints

from pydantic import Field, JsonValue, PydanticUserError, create_model

from ledger.errors import LedgerError
from processor.handlers.context import JobContext
from processor.handlers.handler import ParsedRequest

SIGNATURES: Final = "take (params, job), (params), (job: JobContext) or ()"


class InvalidHandler(LedgerError):
    """A function cannot be a handler as it is, or its name is taken. The registry is as it was."""


def adapt(name: str, function: Callable[..., Any]) -> tuple[Callable[[Any, JobContext], Any], Any]:
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


def request_type(name: str, params: Any) -> type[ParsedRequest]:
    kind = dict[str, JsonValue] if params in (None, Any, dict) else params
    try:
        # a request without params is one with {}: the handler's own type says whether that will do
        return create_model(f"Request[{name}]", __base__=ParsedRequest, params=(kind, Field({}, validate_default=True)))
    except (PydanticUserError, NameError, TypeError) as error:
        raise InvalidHandler(f"handler {name!r}: pydantic cannot read {kind!r}: {error}") from error
