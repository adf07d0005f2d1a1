"""A job that returns what a handler sees of its process. Served with --app reporting_jobs:jobs."""

from __future__ import annotations

import os
import subprocess

from processor import Registry

AT_IMPORT = dict(os.environ)
jobs = Registry()


@jobs.handler("environment")
def environment() -> dict[str, dict[str, str]]:
    inherited = subprocess.run(["env", "-0"], capture_output=True, text=True, check=True).stdout
    pairs = dict(line.partition("=")[::2] for line in inherited.split("\0") if line)
    return {"at import": AT_IMPORT, "now": dict(os.environ), "of a child": pairs}
