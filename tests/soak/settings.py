"""Settings of sessions, roles and databases as somebody may have them, for reasons of their own."""

from __future__ import annotations

from random import Random
from typing import Final

ODD: Final[dict[str, tuple[str, ...]]] = {
    "array_nulls": ("off",),
    "bytea_output": ("escape",),
    "client_encoding": ("LATIN1", "SQL_ASCII"),
    "client_min_messages": ("debug1", "error"),
    "datestyle": ("German", "SQL, DMY", "Postgres, MDY"),
    "default_transaction_deferrable": ("on",),
    "default_transaction_isolation": ("serializable", "repeatable read"),
    "default_transaction_read_only": ("on",),
    "extra_float_digits": ("-15",),
    "intervalstyle": ("sql_standard", "iso_8601"),
    "lock_timeout": ("2s",),
    "plan_cache_mode": ("force_custom_plan",),
    "row_security": ("off",),
    "search_path": ("pg_temp", "nowhere"),
    "standard_conforming_strings": ("off",),
    "statement_timeout": ("5s",),
    "synchronous_commit": ("off",),
    "timezone": ("Pacific/Chatham", "America/St_Johns"),
    "transform_null_equals": ("on",),
}


def draw(chance: Random, most: int) -> dict[str, str]:
    """Up to so many of them."""
    names = chance.sample(sorted(ODD), chance.randint(0, most))
    return {name: chance.choice(ODD[name]) for name in names}


def as_options(settings: dict[str, str]) -> str:
    """As libpq's ``options`` has them."""
    return " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in settings.items())
