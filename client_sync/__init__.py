"""The client's side: jobs in a SQLite file that syncs with Postgres when it can.

Example:
    with JobClient("app.db", dsn="postgresql://app@host/jobs") as jobs:
        job = jobs.submit("count-words", {"path": "a.txt"})
        jobs.start_sync()
        print(jobs.wait(job.id).result)

Imports ``ledger``, without its Postgres side; ``jobledger`` imports it. It does not know ``processor``.
"""

from client_sync.care.compaction import CompactResult
from client_sync.client import JobClient
from client_sync.file.job import Job, JobFailed, Progress, Refusal
from client_sync.file.submission import Submission

__all__ = ["CompactResult", "Job", "JobClient", "JobFailed", "Progress", "Refusal", "Submission"]
