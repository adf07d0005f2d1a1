"""Our packages have common names: a folder or file of the same name that is found before ours hides it.

Python then fails somewhere inside, about a module that nobody has heard of. This says what is hidden by what.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

PACKAGES = ("ledger", "client_sync", "processor")


def need(*packages: str) -> None:
    """Make sure that each of these packages of ours is the one that an import finds. Imports none of them.

    Raises ImportError that names what hides it, and says the way out.
    """
    for package in packages:
        if (found := hidden_by(package)) is not None:
            raise ImportError(message(package, found), name=package, path=found)


def hidden_by(package: str) -> str | None:
    """The folder or file that is found for a package of ours and is not ours; None where all is well."""
    found = _place(package)
    ours = os.path.join(os.path.dirname(os.path.dirname(__file__)), package)  # noqa: PTH118, PTH120  # pathlib is slow
    return None if found is None or os.path.realpath(found) == os.path.realpath(ours) else found


def shadowed() -> str | None:
    """What to say where one of our packages is hidden; None where none is."""
    found = ((package, hidden_by(package)) for package in PACKAGES)
    return next((message(package, place) for package, place in found if place is not None), None)


def message(package: str, found: str) -> str:
    """What to say where ``found`` hides our ``package``."""
    return (
        f"{found} hides jobledger's own package {package!r}, which has the same name"
        " (rename it, or run from another folder, or run python -P, which does not import from the current folder)"
    )


def _place(package: str) -> str | None:
    """Where Python finds a package, or has found it: the folder, or the file where it is a single one."""
    module = sys.modules.get(package)
    spec = find_spec(package) if module is None else module.__spec__
    if spec is None:
        return getattr(module, "__file__", None)
    if spec.submodule_search_locations is not None:
        return next(iter(spec.submodule_search_locations), None)
    return spec.origin
