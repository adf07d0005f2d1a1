"""One sync of a file as a measured program: ``python -m benchmarks.syncer FILE DSN``."""

from __future__ import annotations

import json
import os
import sys

from benchmarks.cpu import memory_mb
from benchmarks.starting import wait_for_go
from client_sync import JobClient

if __name__ == "__main__":
    wait_for_go()
    with JobClient(sys.argv[1], dsn=sys.argv[2], create=False) as client:
        told = client.sync()
    _, peak_mb = memory_mb(os.getpid())  # getrusage would tell that of the process that started this one, if higher
    print(json.dumps({"pushed": told.pushed, "pulled": told.pulled, "peak_mb": peak_mb}), flush=True)
