"""A folder or file that has the name of one of our packages, and is found before it, is named; so is the way out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

ROOT = Path(__file__).parents[2]
NEEDS = {"ledger": "LedgerError", "client_sync": "JobClient", "processor": "Registry"}
"""Our packages, and a name of each."""
VERBS = {
    "ledger": ["submit", "--help"],
    "client_sync": ["list"],
    "processor": ["serve", "--app", "shop:jobs", "--dsn", "host=/nonexistent"],
}


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder from which it imports first, and then from this checkout."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("JOBLEDGER_", "PG"))}
    env["PYTHONPATH"] = str(ROOT)
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=cwd, env=env, timeout=60)


class Hide(Protocol):
    """Put a package or a file of a name, with this code, into the test's folder; gives where it is."""

    def __call__(self, name: str, code: str = "") -> Path: ...


@pytest.fixture(params=["package", "file"])
def hide(request: pytest.FixtureRequest, tmp_path: Path) -> Hide:
    def hide(name: str, code: str = "") -> Path:
        place = tmp_path / (name if request.param == "package" else f"{name}.py")
        if request.param == "package":
            place.mkdir()
        (place / "__init__.py" if place.is_dir() else place).write_text(code)
        return place

    return hide


@pytest.mark.parametrize("package", NEEDS)
def test_the_first_use_is_one_clear_import_error(package: str, hide: Hide, tmp_path: Path) -> None:
    place = hide(package, "raise SystemExit('it was imported')\n")
    done = python("-c", f"import jobledger; jobledger.{NEEDS[package]}", cwd=tmp_path)
    *_, last = done.stderr.splitlines()
    assert last.startswith(f"ImportError: {place} hides jobledger's own package {package!r}")
    assert all(way in last for way in ("rename it", "another folder", "python -P"))
    assert done.stderr.count("Traceback") == 1


@pytest.mark.parametrize("package", NEEDS)
def test_the_command_says_so_in_one_line(package: str, hide: Hide, tmp_path: Path) -> None:
    place = hide(package)
    done = python("-m", "jobledger", *VERBS[package], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {place} hides jobledger's own package {package!r}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("package", NEEDS)
def test_each_way_out_is_one(package: str, hide: Hide, tmp_path: Path) -> None:
    place = hide(package)
    use = f"import jobledger; jobledger.{NEEDS[package]}"
    (tmp_path / "elsewhere").mkdir()
    assert python("-c", use, cwd=tmp_path / "elsewhere").returncode == 0
    assert python("-P", "-c", use, cwd=tmp_path).returncode == 0
    place.rename(place.with_name(f"my_{place.name}"))
    assert python("-c", use, cwd=tmp_path).returncode == 0


def test_who_does_not_need_the_hidden_package_goes_on(hide: Hide, tmp_path: Path) -> None:
    hide("processor")
    assert python("-c", "from jobledger import JobClient; JobClient('app.db').close()", cwd=tmp_path).returncode == 0
    done = python("-m", "jobledger", "list", "--db", "app.db", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_module_that_was_imported_before_is_named_too(hide: Hide, tmp_path: Path) -> None:
    place = hide("ledger")
    done = python("-c", "import ledger, jobledger\nfrom jobledger import LedgerError", cwd=tmp_path)
    assert done.stderr.splitlines()[-1].startswith(f"ImportError: {place} hides ")


@pytest.mark.parametrize("package", NEEDS)
def test_a_folder_without_an_init_hides_nothing(package: str, tmp_path: Path) -> None:
    (tmp_path / package).mkdir()
    (tmp_path / package / "notes.py").write_text("")
    done = python("-c", f"import jobledger; jobledger.{NEEDS[package]}", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("package", NEEDS)
def test_where_ours_is_not_found_at_all_such_a_folder_is_named(package: str, tmp_path: Path) -> None:
    """As in an installation that somebody has cut down: Python then takes the folder for a namespace package."""
    (tmp_path / package).mkdir()
    (tmp_path / "lib").mkdir()
    for name in ("jobledger", "ledger", "client_sync", "processor"):
        if name != package:
            (tmp_path / "lib" / name).symlink_to(ROOT / name)
    program = f"import sys; sys.path[1:1] = ['lib']; sys.path.remove({str(ROOT)!r})\n"
    program += "import jobledger.shadowing as s; s.need('ledger', 'client_sync', 'processor')"
    done = python("-c", program, cwd=tmp_path)
    assert done.stderr.splitlines()[-1].startswith(f"ImportError: {tmp_path / package} hides ")


def test_an_apps_own_package_that_ours_hides_is_named(tmp_path: Path) -> None:
    (tmp_path / "processor").mkdir()
    (tmp_path / "processor" / "__init__.py").write_text("")
    (tmp_path / "processor" / "prices.py").write_text("")
    (tmp_path / "shop.py").write_text("import processor.prices\n")
    serve = "import sys; from jobledger.cli import run; sys.exit(run(['serve', '--app', 'shop:jobs']))"
    done = python("-P", "-c", serve, cwd=tmp_path)
    assert done.returncode == 1
    assert "error: shop needs the module 'processor.prices'" in done.stderr
    assert "processor is jobledger's own package: if you have one of that name, rename it" in done.stderr
