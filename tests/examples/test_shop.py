"""examples/shop: an order and its job are written in one transaction, over HTTP, and the invoice comes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from databases import Database
from example_programs import EXAMPLES, serve_example, start_example
from ledger_calls import assert_projection_is_fold
from waiting import until

FOLDER = EXAMPLES / "shop"


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Iterator[str]:
    """The address of a shop that runs, without a processor."""
    tables = (FOLDER / "tables.sql").read_text(encoding="utf-8").replace(" to app;", " to app_alice;")
    database.connect().execute(tables.encode())
    environment = {"SHOP_DSN": database.dsn_as("app_alice"), "SHOP_PORT": "0"}
    with start_example(FOLDER, environment, tmp_path / "shop.log") as first_line:
        yield first_line.removeprefix("listening on ") + "/orders"


def ask(shop: str, order: object = None) -> Any:
    with urlopen(shop, None if order is None else json.dumps(order).encode(), timeout=30) as answer:  # noqa: S310  # it is the shop
        return json.load(answer)


def test_an_order_is_invoiced(database: Database, shop: str, tmp_path: Path) -> None:
    order = ask(shop, {"item": "tea", "cents": 450})
    assert ask(shop) == [{**order, "invoice": None, "status": None}], "it waits for a processor"
    with serve_example(FOLDER, database.dsn_as("worker"), tmp_path / "log", SHOP_DSN=database.dsn_as("app_alice")):
        until(lambda: ask(shop)[0]["status"] == "completed", "the invoice")
    [invoiced] = ask(shop)
    assert invoiced["invoice"] == f"invoice {order['job_id'][-6:]}: tea, 4.50"
    assert_projection_is_fold(database.connect())


@pytest.mark.parametrize("order", [{"item": "tea", "cents": -1}, {"item": "", "cents": 1}, {"item": "tea"}, "tea", [1]])
def test_an_order_that_is_not_taken_leaves_no_job(database: Database, shop: str, order: object) -> None:
    with pytest.raises(HTTPError) as refused:
        ask(shop, order)
    assert refused.value.code == 400
    assert "error" in json.load(refused.value)
    assert ask(shop) == []
    assert database.connect().execute("select from ledger.events where type = 'job.requested'").fetchall() == []
