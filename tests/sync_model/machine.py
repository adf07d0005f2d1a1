"""The state machine: what may happen, in any order, and what everybody must agree on in the end."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final, Literal, TypeAlias, get_args
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from client_sync import JobClient
from client_sync.sync.result import SyncResult
from ledger.errors import InvalidEvent
from sync_model.checks import check_all, check_fold, check_now
from sync_model.files import ReplicaFile
from sync_model.server import LONG_AGO, OUTCOMES, ModelServer, Outcome
from sync_model.wire import Call, Cut, Sent

OWNERS: Final = ("app_alice", "app_alice", "app_bob", "carol@example.com")
"""Whose the first three files are: the last one's is either of the last two."""
MOST_FILES: Final = 5
LARGE: Final = {"text": "x" * 150}
TIGHT_LIMIT: Final = 100
REFUSED: Final = (
    {"name": "noop", "limits": {"expires_at": LONG_AGO}},
    {"name": "noop", "retry_of": "no uuid"},
    {"name": "noop", "limits": {"max_attempts": 0}},
)
"""Requests that the file lets pass and the server does not."""
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
"""Where files need not wait for the disk: processes die here, and the machine never does."""
ROUNDS: Final = 12
"""How many times everybody may sync and work before they have to be at rest."""

Meanwhile: TypeAlias = Literal["the app submits", "finished jobs leave", "another file syncs", "a processor works"]

files = st.integers(0, MOST_FILES - 1)
chosen_jobs = st.integers(0, 9)
calls: st.SearchStrategy[Call] = st.sampled_from(["run", "push", "pull", "again"])
counts = st.integers(0, 4)
events: st.SearchStrategy[Meanwhile] = st.sampled_from(get_args(Meanwhile))
cuts = st.builds(Cut, st.integers(1, 3), st.sampled_from(["after commit", "before commit"]))


class SyncModel(RuleBasedStateMachine):
    """``server`` and ``template`` come with the subclass that a test makes. ``happened`` counts over all examples."""

    server: ClassVar[str]
    template: ClassVar[str]
    happened: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.ledger = ModelServer(self.server, self.template)
        self._sent: Sent = defaultdict(set)
        self._written: dict[str, tuple[str, str, str]] = {}
        self._jobs: list[UUID] = []
        self._files: list[ReplicaFile] = []

    @initialize(
        counts=st.lists(counts, min_size=3, max_size=3),
        synced=st.booleans(),
        cloned=st.booleans(),
        worked=st.booleans(),
        delegated=st.booleans(),
    )
    def begin(self, counts: list[int], synced: bool, cloned: bool, worked: bool, delegated: bool) -> None:
        """Everybody has something, there is an older copy of everything, and some has happened since."""
        for n, count in enumerate(counts):
            owner = OWNERS[3] if delegated and n == 2 else OWNERS[n]
            self.add_file(owner, copy_of=self._file(0) if cloned and n == 1 else None)
            self.submit(n, count, False)
            if synced:
                self._exchange(n, "run")
            self.back_up(n)
        self.dump_the_server()
        if worked:
            for n in range(len(self._files)):
                self.sync(n, 1)
                self._work("completed", 2)
                self.pull(n)

    # What an app does

    @rule(n=files, count=counts, large=st.booleans())
    def submit(self, n: int, count: int, large: bool) -> None:
        if count == 0:
            return
        file = self._file(n)
        params = LARGE if large else {}
        try:
            self._jobs += file.client.submit_many({"name": "noop", "params": params} for _ in range(count))
        except InvalidEvent:
            assert (large, file.client.limits.max_params_bytes) == (True, TIGHT_LIMIT), "as the last sync has heard"
            count = 0
        self._note(file, count)

    @rule(n=files, which=st.integers(0, len(REFUSED) - 1))
    def submit_what_the_server_refuses(self, n: int, which: int) -> None:
        file = self._file(n)
        self._jobs.append(file.write("job.requested", json.dumps(REFUSED[which])))
        self._note(file)

    @rule(n=files, which=chosen_jobs)
    def submit_a_job_of_another_file(self, n: int, which: int) -> None:
        file, job_id = self._file(n), self._job(which)
        if job_id is not None and not file.has_request(job_id):
            file.client.submit("noop", {"again": True}, job_id=job_id)
            self._note(file)

    @rule(n=files, which=chosen_jobs)
    def cancel(self, n: int, which: int) -> None:
        """A job of this file, of one it has not heard of, or of another owner."""
        file, job_id = self._file(n), self._job(which)
        if job_id is not None:
            file.write("job.cancel_requested", "{}", job_id)
            self._note(file)

    # The exchange, whole, in halves, and cut short

    @rule(n=files, count=counts)
    def push(self, n: int, count: int) -> None:
        self.submit(n, count, False)
        self._exchange(n, "push")

    @rule(n=files)
    def pull(self, n: int) -> None:
        self._exchange(n, "pull")

    @rule(n=files, count=counts)
    def sync(self, n: int, count: int) -> None:
        self.submit(n, count, False)
        self._exchange(n, "run")

    @rule(n=files, count=counts, call=calls, cut=cuts)
    def cut_the_network(self, n: int, count: int, call: Call, cut: Cut) -> None:
        self.submit(n, count, False)
        self._exchange(n, call, cut=cut)

    @rule(n=files, count=counts, call=calls, crash_at=st.integers(1, 5))
    def crash(self, n: int, count: int, call: Call, crash_at: int) -> None:
        """Between one SQLite transaction and whatever comes next."""
        self.submit(n, count, False)
        self._exchange(n, call, crash_at=crash_at)

    @rule(n=files)
    def kill_the_app(self, n: int) -> None:
        file = self._file(n)
        file.kill()
        self._note(file, 0)

    @rule(n=files, call=calls, at=st.integers(1, 5), what=events, other=files, outcome=st.sampled_from(OUTCOMES))
    def meanwhile(self, n: int, call: Call, at: int, what: Meanwhile, other: int, outcome: Outcome) -> None:
        """Something else happens before the n-th call of an exchange."""

        def happen(call: int) -> None:
            if call != at:
                return
            match what:
                case "the app submits":
                    self.submit(n, 1, False)
                case "finished jobs leave":
                    self.compact(n, False)
                case "another file syncs":
                    if self._file(n) is not self._file(other):
                        self._exchange(other, "run")
                case "a processor works":
                    self._work(outcome, 2)

        self._exchange(n, call, meanwhile=happen)

    # What people do to files

    @rule(n=files)
    def clone(self, n: int) -> None:
        if len(self._files) < MOST_FILES:
            self.add_file(self._file(n).owner, copy_of=self._file(n))

    @rule(n=files)
    def back_up(self, n: int) -> None:
        self._file(n).back_up()

    @rule(n=files, which=st.integers(0, 1))
    def restore_an_older_copy(self, n: int, which: int) -> None:
        if self._file(n).restore(which):
            self.happened["files restored"] += 1
            self._note(self._file(n), 0)

    @rule(n=files, finished=st.booleans())
    def compact(self, n: int, finished: bool) -> None:
        """At any moment, or when there is something to let go."""
        if finished:
            self._exchange(n, "run")
            self._work("completed", 4)
            self._exchange(n, "pull")
        self.happened["jobs compacted"] += self._file(n).compact()
        self._note(self._file(n), 0)

    @rule(n=files, page=st.integers(0, 40), start=st.sampled_from([0, 100, 2048]), in_log=st.booleans())
    def salvage(self, n: int, page: int, start: int, in_log: bool) -> None:
        """A page is damaged, and what can be saved takes the place of the file."""
        self.happened["events salvaged"] += self._file(n).salvage(page, start, in_log=in_log)
        self.happened["files salvaged"] += 1
        self._note(self._file(n), 0)

    # What happens to the server

    @rule()
    def dump_the_server(self) -> None:
        self.ledger.dump()

    @rule(which=st.integers(0, 1), at_once=st.booleans())
    def restore_the_server(self, which: int, at_once: bool) -> None:
        """With or without a processor that notices before the next client comes."""
        if self.ledger.restore(which):
            self.happened["server restored"] += 1
            if at_once:
                self.ledger.sequence()

    @rule()
    def begin_life(self) -> None:
        self.ledger.begin_life()

    @rule(tight=st.booleans())
    def change_the_limits(self, tight: bool) -> None:
        self.ledger.limit(TIGHT_LIMIT if tight else 262_144)

    @rule(outcome=st.sampled_from(OUTCOMES), most=st.integers(1, 3))
    def process(self, outcome: Outcome, most: int) -> None:
        self._work(outcome, most)

    # The end

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self._heal()
                kept = set(self.ledger.taken).union(*(file.has.own.values() for file in self._files))
                check_all(self._files, self.ledger, self._written, kept, self._sent)
                self.happened["examples"] += 1
                self.happened["events"] += len(self._written)
                self.happened["lost with what was overwritten"] += len(self._written.keys() - kept)
        finally:
            for file in self._files:
                file.close()
            self.ledger.close()
            self._folder.cleanup()

    def _heal(self) -> None:
        """Let everybody sync and the processor work until nothing moves any more."""
        results: list[SyncResult] = []
        for _ in range(ROUNDS):
            results = [self._exchange(n, "run") for n in range(len(self._files))]
            if not self._work("completed", 100) and all(result == SyncResult() for result in results):
                break
        else:
            raise AssertionError(f"after {ROUNDS} rounds still: {results}")
        for file in self._files:
            check_fold(file)
            dsn = self.ledger.dsn(file.login)
            with JobClient(file.path, dsn, on_behalf_of=file.on_behalf_of, create=False) as client:
                assert client.sync() == SyncResult(), "the door that apps use finds nothing left to do"
                assert client.sync(again=True) == SyncResult(pulled=len(file.has.gone)), "what has left comes back"
            file.has.gone.clear()

    # Steps

    def add_file(self, owner: str, copy_of: ReplicaFile | None = None) -> None:
        self._files.append(ReplicaFile(Path(self._folder.name, f"{len(self._files)}.db"), owner, copy_of))

    def _file(self, n: int) -> ReplicaFile:
        return self._files[n % len(self._files)]

    def _job(self, which: int) -> UUID | None:
        """One of the latest jobs, whoever asked for it."""
        return self._jobs[-1 - which % len(self._jobs)] if self._jobs else None

    def _note(self, file: ReplicaFile, expected: int = 1) -> None:
        """P1: what a call has written is in the file when it returns."""
        new = file.note_written()
        assert len(new) == expected
        self._written.update({event_id: (file.owner, job_id, data) for event_id, job_id, data in new})

    def _exchange(
        self,
        n: int,
        call: Call,
        *,
        cut: Cut | None = None,
        crash_at: int | None = None,
        meanwhile: Callable[[int], None] | None = None,
    ) -> SyncResult:
        """``meanwhile`` is called before each call of the ledger, with its number."""
        file = self._file(n)
        wire = self.ledger.wire(file.path, file.login)
        wire.set_up(self._sent, cut, meanwhile)
        result = file.exchange(wire, call, crash_at=crash_at).result
        self._note(file, 0)
        self.ledger.look()
        check_now(file, self.ledger)
        counts = Counter(exchanges=1, forked=result.forked, rewound=result.rewound, epochs=result.new_epoch)
        counts[f"cut {cut.when}" if cut and wire.happened else "not cut"] += 1
        self.happened.update(counts)
        return result

    def _work(self, outcome: Outcome, most: int) -> int:
        done = self.ledger.work(outcome, most)
        self.ledger.look()
        return done
