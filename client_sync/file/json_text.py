"""JSON as it is stored and sent: the shortest text, in UTF-8."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Final

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
to_json: Final = _ENCODER.encode
"""The text of a value. Raises TypeError, ValueError or RecursionError for what is no JSON."""


def _make_encoder() -> Callable[[object, int], Iterable[str]]:
    """A JSON encoder that is made once; the library's makes one anew for each text, at twice the cost of writing."""
    try:
        # without the first argument it does not look for circles: they end as too deep a recursion
        encode: Callable[[object, int], Iterable[str]] = json.encoder.c_make_encoder(  # type: ignore[attr-defined]  # not in the stubs
            None, _ENCODER.default, json.encoder.encode_basestring, None, ":", ",", False, False, False
        )
    except (AttributeError, TypeError):  # it is not documented, so it may go away
        return lambda value, _: [to_json(value)]
    return encode


json_parts: Final = _make_encoder()
"""As ``to_json``, at half the cost: the parts of the text. The second argument is 0."""
