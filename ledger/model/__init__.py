"""The domain, pure: events, what they mean, ids and the protocol.

Imports only ``ledger.errors``. Everybody may import it.
"""

from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    """A module of this room, imported when somebody asks: light modules name the types of heavy ones in their hints."""
    from importlib import import_module

    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
