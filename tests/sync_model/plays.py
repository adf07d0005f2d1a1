"""Steps in an order that chance finds seldom, each as one step among the others, and as a play of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import strategies as st
from hypothesis.stateful import rule

from sync_model.machine import MOST_FILES, SyncModel, cuts, files
from sync_model.wire import Cut

few = st.integers(1, 3)


class Plays(SyncModel):
    """The model, with these steps."""

    @rule(n=files, worked=st.booleans())
    def be_refused_what_is_taken_from_a_copy(self, n: int, worked: bool) -> None:
        """The limits of the moment refuse an event; a copy of the file sends it later, under a name of its own."""
        if len(self._files) == MOST_FILES:
            return
        self.change_the_limits(False)
        self.sync(n, 0)
        self.submit(n, 1, True)
        self.clone(n)
        self.change_the_limits(True)
        self.sync(n, 1)
        self.change_the_limits(False)
        self.sync(len(self._files) - 1, 1)
        if worked:
            self._work("completed", 4)

    @rule(n=files, lost=few, of_copy=few, after=few, cut=cuts, compacted=st.booleans())
    def let_a_copy_come_first_to_a_restored_server(
        self, n: int, lost: int, of_copy: int, after: int, cut: Cut, compacted: bool
    ) -> None:
        """The copy uses the numbers of what the server has lost; the file hears of that in pieces, and sends more."""
        if len(self._files) == MOST_FILES:
            return
        self.sync(n, 1)
        self.clone(n)
        self.dump_the_server()
        self.sync(n, lost)
        if compacted:
            self.compact(n, True)
        self.restore_the_server(-1, True)
        self.sync(len(self._files) - 1, of_copy)
        self._exchange(n, "pull", cut=cut)
        self.push(n, after)
        self.pull(n)


@contextmanager
def playing(model: type[Plays]) -> Iterator[Plays]:
    """The model in the hands of a test, with files of two owners. In the end all have to agree."""
    plays = model()
    try:
        plays.begin([1, 1, 1], synced=True, cloned=False, worked=False, delegated=True)
        yield plays
    finally:
        plays.teardown()
