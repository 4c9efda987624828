from random import Random

from hypothesis import given
from hypothesis import strategies as st

from collectors.backoff import FIRST_S, Backoff


@given(st.integers(), st.floats(0.01, 600), st.integers(1, 2000))
def test_no_pause_is_longer_than_the_longest(seed, longest_s, failures):
    backoff = Backoff(longest_s, Random(seed))
    pauses = [backoff.next_s() for _ in range(failures)]
    assert all(0 < pause <= longest_s for pause in pauses)
    assert pauses[0] <= FIRST_S


@given(st.integers())
def test_pauses_double_up_to_the_longest(seed):
    backoff = Backoff(8.0, Random(seed))
    for full_s in (0.5, 1, 2, 4, 8, 8, 8):
        assert full_s / 2 <= backoff.next_s() <= full_s


def test_an_answer_begins_again_at_the_shortest():
    backoff = Backoff(8.0, Random(1))
    for _ in range(9):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= FIRST_S


def test_devices_that_fell_together_do_not_come_back_together():
    pauses = {Backoff(8.0, Random(seed)).next_s() for seed in range(50)}
    assert len(pauses) == 50
