"""A shop's server: an order, and the job that invoices it, are written in one transaction of one Postgres.

    python app.py

SHOP_DSN names the database; its login is a client of the ledger. POST /orders takes an order, GET /orders lists all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from wsgiref.simple_server import make_server

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Json

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

ADD: Final = """
    insert into orders (item, cents, job_id) values (%(item)s, %(cents)s, %(job_id)s) returning id, item, cents, job_id
"""
SUBMIT: Final = "select ledger.submit('send-invoice', params => %(params)s) as job_id"
LIST: Final = """
    select o.id, o.item, o.cents, o.job_id, o.invoice, j.status
    from orders o left join ledger.my_jobs j on j.job_id = o.job_id order by o.id
"""


def connect() -> psycopg.Connection[DictRow]:
    """A connection for one request; a shop that is busy would take it from a pool."""
    return psycopg.connect(os.environ["SHOP_DSN"], row_factory=dict_row)


def add_order(item: str, cents: int) -> DictRow:
    """Write an order and request its invoice: both, or neither. A processor hears of it when this commits."""
    with connect() as db:  # one transaction, committed at the end of the block
        [requested] = db.execute(SUBMIT, {"params": Json({"item": item, "cents": cents})})
        [order] = db.execute(ADD, {"item": item, "cents": cents, "job_id": requested["job_id"]})
    return order


def list_orders() -> list[DictRow]:
    """All orders, each with the state of its job and, once there is one, its invoice."""
    with connect() as db:
        return db.execute(LIST).fetchall()


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The server, as WSGI has it."""
    answer: object
    match environ["REQUEST_METHOD"], environ["PATH_INFO"]:
        case "POST", "/orders":
            try:
                given = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
                status, answer = "201 Created", add_order(given["item"], given["cents"])
            except (ValueError, LookupError, TypeError, psycopg.DataError, psycopg.IntegrityError) as error:
                status, answer = "400 Bad Request", {"error": str(error)}
        case "GET", "/orders":
            status, answer = "200 OK", list_orders()
        case _:
            status, answer = "404 Not Found", {"error": "there is /orders"}
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(answer, default=str).encode()]


if __name__ == "__main__":
    with make_server("127.0.0.1", int(os.environ.get("SHOP_PORT", "8000")), app) as server:
        print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
