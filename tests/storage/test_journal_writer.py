"""The journal's one thread outlives whatever a single commit or call fails with."""

from __future__ import annotations

import asyncio

import pytest

from storage.errors import Unavailable
from storage.journal.writing import Journal
from water.batch import Batch


def batch_at(time_ns):
    return Batch.of([0], [time_ns], [1.0], [0])


def test_a_commit_that_fails_in_an_unknown_way_is_offered_again_and_the_next_is_taken(tmp_path):
    taken = []

    def on_commit(sequenced):
        taken.append([int(one.batch.time_ns[0]) for one in sequenced])
        if len(taken) == 1:
            raise MemoryError("no room for the tail")

    async def course(journal):
        async with asyncio.timeout(10):
            with pytest.raises(Unavailable, match="no room for the tail"):
                await journal.append(batch_at(1))
            await journal.append(batch_at(1))
            await journal.append(batch_at(2))

    journal = Journal(tmp_path / "journal.sqlite", on_commit)
    journal.open()
    try:
        asyncio.run(course(journal))
    finally:
        journal.close()
    assert taken == [[1], [1], [2]]


def test_a_call_that_fails_is_told_to_its_caller_alone(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite", lambda _: None)
    journal.open()
    try:
        with pytest.raises(ZeroDivisionError):
            journal.call(lambda _: 1 // 0)
        assert journal.number(["a.tag"]) == {"a.tag": 0}
    finally:
        journal.close()
