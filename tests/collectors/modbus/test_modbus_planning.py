from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collectors.modbus.planning import Limits, Place, halves, limits, plan
from config.devices import RegisterType

HOLDING = RegisterType.HOLDING
places = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from([1, 1, 2, 4])), min_size=1, max_size=60
).map(lambda rows: [Place(address, width, i) for i, (address, width) in enumerate(rows)])
allowed = st.builds(Limits, st.integers(4, 125), st.integers(0, 30))


@given(places, allowed)
def test_every_value_is_whole_in_exactly_one_block(values, limit):
    blocks = plan(HOLDING, values, limit)
    assert sorted(p for b in blocks for p in b.places) == sorted(values)
    for block in blocks:
        for place in block.places:
            assert block.address <= place.address
            assert place.end <= block.address + block.count


@given(places, allowed)
def test_no_request_is_longer_than_allowed_or_reads_a_wide_hole(values, limit):
    for block in plan(HOLDING, values, limit):
        assert 1 <= block.count <= limit.longest
        read = {a for p in block.places for a in range(p.address, p.end)}
        hole = widest = 0
        for address in range(block.address, block.address + block.count):
            hole = 0 if address in read else hole + 1
            widest = max(widest, hole)
        assert widest <= limit.widest_hole
        assert block.address in read
        assert block.address + block.count - 1 in read


@given(places, allowed)
def test_neighbours_are_joined_wherever_they_may(values, limit):
    blocks = plan(HOLDING, values, limit)
    for one, next_ in pairwise(blocks):
        first = next_.places[0]
        too_far = first.address - (one.address + one.count) > limit.widest_hole
        too_long = first.end - one.address > limit.longest
        assert too_far or too_long


@given(places, allowed)
def test_a_split_block_has_all_its_values_in_smaller_blocks(values, limit):
    for block in plan(HOLDING, values, limit):
        smaller = halves(block, limit)
        if len(block.places) == 1:
            assert smaller == []
        else:
            assert sorted(p for b in smaller for p in b.places) == sorted(block.places)
            assert all(len(b.places) < len(block.places) for b in smaller)


def test_a_hole_of_just_the_gap_is_read_over_and_one_wider_is_not():
    values = [Place(0, 2, 0), Place(10, 2, 1), Place(21, 2, 2)]
    blocks = plan(HOLDING, values, Limits(125, 8))
    assert [(b.address, b.count) for b in blocks] == [(0, 12), (21, 2)]


def test_a_value_wider_than_a_request_stands_alone():
    blocks = plan(HOLDING, [Place(0, 1, 0), Place(1, 4, 1), Place(5, 1, 2)], Limits(2, 0))
    assert [(b.address, b.count) for b in blocks] == [(0, 1), (1, 4), (5, 1)]


def test_bits_have_their_own_limit():
    assert limits(RegisterType.COIL, 10, 2000, 8).longest == 2000
    assert limits(RegisterType.INPUT, 10, 2000, 8).longest == 10
