"""Array literals: what Postgres reads is what was written."""

from __future__ import annotations

from databases import Database
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ledger.postgres.arrays import quoted

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(texts=st.lists(TEXTS | st.none(), max_size=20))
@example(texts=["null", None, "NULL", "", " ", "{}", ",", '"', "\\", '\\"', "\n", '{"a": "\\\\n"}'])
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_texts_survive_the_way_through_an_array_literal(database: Database, texts: list[str | None]) -> None:
    connection = database.connect()
    row = connection.execute("select %(a)s::text[] as found", {"a": quoted(texts)}).fetchone()
    connection.close()
    assert row == {"found": texts}
