"""A processor as a measured program: ``python -m benchmarks.worker DSN``."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from benchmarks.handlers import jobs
from benchmarks.starting import wait_for_go
from processor.executors.garbage import collect_rarely
from processor.executors.loop import run
from processor.service import serve
from processor.settings import Settings


async def work(dsn: str, settings: Settings) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(jobs, dsn, settings, stop=stop)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    collect_rarely()
    wait_for_go()
    run(work(sys.argv[1], Settings()))
