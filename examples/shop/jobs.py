"""What a processor does for the shop: jobledger serve --app jobs:jobs

SHOP_DSN names the shop's database. The login of the processor itself is not the handlers' affair, and hidden from them.
"""

from __future__ import annotations

import os

import psycopg
from pydantic import BaseModel

from jobledger import JobContext, Permanent, Registry

jobs = Registry()


class Order(BaseModel):
    """What is to be invoiced."""

    item: str
    cents: int


@jobs.handler("send-invoice", max_attempts=5, timeout=30)
def send_invoice(order: Order, job: JobContext) -> str:
    """Write the invoice, send it, and note it with the order."""
    # A job runs at least once. What is inside a step is not done again by a later attempt, and the update below does
    # no harm when it is.
    invoice = job.step("send", send, order, str(job.id))
    with psycopg.connect(os.environ["SHOP_DSN"]) as db:
        done = db.execute(
            "update orders set invoice = %(invoice)s where job_id = %(job_id)s", {"invoice": invoice, "job_id": job.id}
        )
        if not done.rowcount:
            raise Permanent("its order is gone", hint="somebody has deleted it")
    return invoice


def send(order: Order, number: str) -> str:
    """Here a real shop would send mail."""
    return f"invoice {number[-6:]}: {order.item}, {order.cents / 100:.2f}"
