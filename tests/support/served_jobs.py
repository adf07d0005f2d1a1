"""Jobs that take a moment, so that a processor can be killed among them. Served with --app served_jobs:jobs."""

from __future__ import annotations

import time

from pydantic import BaseModel

from processor import JobContext, Registry

jobs = Registry()


class Number(BaseModel):
    n: int


class Square(BaseModel):
    square: int


@jobs.handler("square", max_attempts=3)
def square(params: Number, job: JobContext) -> Square:
    job.progress(50)
    time.sleep(0.05)
    return Square(square=params.n * params.n)
