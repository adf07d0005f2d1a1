"""Exceptions that raise, recurse or lie when they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn


class RaisingStr(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


class ExitingStr(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


class RecursingStr(Exception):
    def __str__(self) -> str:
        return f"<{self}>"


class NumberForStr(Exception):
    def __str__(self) -> str:
        return 7  # type: ignore[return-value]  # that is the point


class HostileText(str):
    """A text whose every method that a reader may call raises."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise ValueError("not to be read")

    replace = encode = __getitem__ = __len__ = __format__ = __iter__ = __eq__ = _refuse
    __hash__ = str.__hash__


class HostileStr(Exception):
    def __str__(self) -> str:
        return HostileText("what happened")


class RaisingTraceback(Exception):
    @property
    def __traceback__(self) -> NoReturn:  # type: ignore[override]
        raise ValueError("no traceback")


class EndlessCause(Exception):
    @property
    def __cause__(self) -> Exception:  # type: ignore[override]
        return EndlessCause("and before that")


class RaisingEverything(Exception):
    def __getattribute__(self, name: str) -> Any:
        raise ValueError(f"no {name}")


class RaisingBool(Exception):
    def __bool__(self) -> bool:
        raise ValueError("neither")


class RaisingClass(Exception):
    def _no_class(self) -> NoReturn:
        raise ValueError("no class")

    locals()["__class__"] = property(_no_class)


class OwnWithTraceback(Exception):
    def with_traceback(self, _: object) -> NoReturn:
        raise ValueError("not with this one")


class _NamelessType(type):
    @property
    def __name__(cls) -> NoReturn:  # type: ignore[override]
        raise ValueError("no name")


class Nameless(Exception, metaclass=_NamelessType):
    pass


def long_chain() -> Exception:
    first = last = ValueError("the last")
    for n in range(5_000):
        cause = ValueError(n)
        last.__cause__ = cause
        last = cause
    return first


ERRORS: Final[dict[str, Callable[[], BaseException]]] = {
    "str raises": RaisingStr,
    "str exits": ExitingStr,
    "str recurses": RecursingStr,
    "str is a number": NumberForStr,
    "str is hostile": HostileStr,
    "traceback raises": RaisingTraceback,
    "causes without end": EndlessCause,
    "a long chain": long_chain,
    "every attribute raises": RaisingEverything,
    "bool raises": RaisingBool,
    "class raises": RaisingClass,
    "with_traceback raises": OwnWithTraceback,
    "type without a name": Nameless,
    "surrogates and NUL": lambda: ValueError("a\0b\ud800"),
    "a huge message": lambda: ValueError("x" * 50_000_000),
    "generator exit": GeneratorExit,
    "system exit": lambda: SystemExit(3),
    "keyboard interrupt": KeyboardInterrupt,
}
