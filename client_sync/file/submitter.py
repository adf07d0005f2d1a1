"""An app's requests: validated by the rules of the file, and appended to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

from client_sync.file.job import Job, saved_job
from client_sync.file.job_rows import known_job
from client_sync.file.limits import Rules, read_rules
from client_sync.file.own_events import Outdated, append_new, append_requests
from client_sync.file.replica import Replica
from client_sync.file.submission import Submission
from client_sync.file.valid_request import ValidRequest, validate
from ledger.errors import InvalidEvent

_BATCH: Final = 500


class Submitter:
    """Appends requests to one file. Knows its rules from the last request, so that they need not be read for each."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._rules: Rules | None = None

    def submit(self, request: Submission | Mapping[str, Any], *, may_be_known: bool) -> Job:
        """See ``JobClient.submit``. ``may_be_known``: the request has a key or an id of its own."""
        with self._replica.translating():
            while True:
                rules, valid = self._validate(request)
                at = datetime.now(UTC)
                try:
                    if not may_be_known:
                        return saved_job(append_new(self._replica, valid, rules, at), valid, rules[0], at)
                    with self._replica.transaction() as connection:
                        (job_id,), added = append_requests(connection, [valid], rules, at)
                        if added and (valid[2] is None or valid[2].job_id is None):
                            return saved_job(job_id, valid, rules[0], at)
                        return known_job(connection, job_id)
                except Outdated:
                    self._rules = None

    def submit_many(self, requests: Iterable[Submission | Mapping[str, Any]]) -> list[UUID]:
        """See ``JobClient.submit_many``."""
        iterator = iter(requests)
        job_ids: list[UUID] = []
        while batch := list(islice(iterator, _BATCH)):
            with self._replica.translating():
                rules = read_rules(self._replica.connection())
                valid = [validate(request, rules[1]) for request in batch]
                with self._replica.transaction() as connection:
                    if rules != (now := read_rules(connection)):
                        rules, valid = now, [validate(request, now[1]) for request in batch]
                    job_ids += append_requests(connection, valid, rules, datetime.now(UTC))[0]
        return job_ids

    def _validate(self, request: Submission | Mapping[str, Any]) -> tuple[Rules, ValidRequest]:
        """Validate by the rules as last read; where those refuse the request, read them again."""
        if self._rules is not None:
            try:
                return self._rules, validate(request, self._rules[1])
            except InvalidEvent:
                pass
        self._rules = read_rules(self._replica.connection())
        return self._rules, validate(request, self._rules[1])
