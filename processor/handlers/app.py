"""Finding a registry by its place, as ``--app shop.jobs:registry`` names it."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Final

from ledger.errors import LedgerError
from processor.handlers.registry import Registry

OURS: Final = ("ledger", "client_sync", "processor", "jobledger")
HINT: Final = "give the registry's place as module:name, as in --app shop.jobs:jobs"


def load_registry(place: str) -> Registry:
    """Import a module, found from the current folder too, and give the registry of that name in it.

    Raises LedgerError that says what is wrong: no such module, an error in it, no such name, no registry, no handlers.
    """
    module_name, _, name = place.partition(":")
    if not module_name or not name:
        raise LedgerError(f"{place!r} is not the place of a registry", hint=HINT)
    here = os.getcwd()  # noqa: PTH109  # sys.path holds texts
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise LedgerError(f"no module {error.name!r} here or on the path", hint=HINT) from error
        top = (error.name or "").partition(".")[0]
        hint = f"{top} is jobledger's own package: if you have one of that name, rename it" if top in OURS else None
        raise LedgerError(
            f"{module_name} needs the module {error.name!r}, which is not installed", hint=hint
        ) from error
    except LedgerError:
        raise
    except Exception as error:
        raise LedgerError(
            f"{module_name} cannot be imported: {type(error).__name__}: {error}",
            hint=f"python -c 'import {module_name}' shows where",
        ) from error
    found = getattr(module, name, None)
    if found is None:
        raise LedgerError(f"{module_name} has no {name!r}", hint=HINT)
    if not isinstance(found, Registry):
        raise LedgerError(f"{place} is a {type(found).__name__}, not a processor.Registry", hint=HINT)
    if not len(found):
        raise LedgerError(f"{place} has no handlers", hint=f"register one with @{name}.handler(...)")
    return found
