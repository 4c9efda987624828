"""Daily outputs in the records: revisions, as_of, and what is not recorded twice."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from storage.sql import open_records
from water.output import DailyOutput, Figure, MeterEvent, Method, Status, Volume

DAY = dt.date(2026, 3, 1)


@pytest.fixture
def records(tmp_path):
    with open_records(tmp_path / "records") as opened:
        yield opened


def output(m3=1000.0, *, date=DAY, at_ns=100, status=Status.PROVISIONAL, part="", **more):
    volume = Volume(m3, 5.0, 1.0, True, Method.TOTALIZER, **more)
    return DailyOutput("mactaa", Figure.PRODUCED, part, date, volume, status, 0, at_ns, "closed")


def test_what_is_recorded_is_read_back_whole(records):
    events = (
        MeterEvent("rollover", 123456789012345678, 4294.0, "32 bit"),
        MeterEvent("quarantined", 5, None),
    )
    given_ = output(events=events, cross_check_m3=999.0, disagreement=0.001, estimated_m3=3.5)
    recorded = records.outputs.record([given_])
    assert recorded == [replace(given_, revision=1)]
    assert records.outputs.read(DAY, DAY) == recorded


def test_a_day_without_data_is_unknown_and_not_zero(records):
    unknown = Volume(None, None, 0.0, False, None)
    records.outputs.record([replace(output(), volume=unknown)])
    assert records.outputs.read(DAY, DAY)[0].volume == unknown


def test_the_same_again_is_not_a_revision(records):
    records.outputs.record([output(at_ns=100)])
    assert records.outputs.record([output(at_ns=200)]) == []
    assert len(records.outputs.revisions("mactaa", DAY)) == 1


def test_rounding_is_not_a_revision(records):
    records.outputs.record([output(350_000.0)])
    assert records.outputs.record([output(350_000.0 + 1e-7)]) == []


def test_as_of_gives_the_earlier_answer(records):
    records.outputs.record([output(1000.0, at_ns=100)])
    records.outputs.record([output(1000.0, at_ns=200, status=Status.FINAL)])
    records.outputs.record([output(1012.5, at_ns=300, status=Status.CORRECTED)])

    def known(as_of_ns):
        rows = records.outputs.read(DAY, DAY, as_of_ns=as_of_ns)
        return [(r.volume.volume_m3, r.status, r.revision) for r in rows]

    assert known(99) == []
    assert known(100) == [(1000.0, "provisional", 1)]
    assert known(299) == [(1000.0, "final", 2)]
    assert known(None) == known(300) == [(1012.5, "corrected", 3)]
    assert [r.revision for r in records.outputs.revisions("mactaa", DAY)] == [1, 2, 3]


def test_a_clock_set_back_does_not_hide_the_newer_revision(records):
    records.outputs.record([output(1000.0, at_ns=500)])
    records.outputs.record([output(1010.0, at_ns=400)])
    assert records.outputs.read(DAY, DAY, as_of_ns=500)[0].volume.volume_m3 == 1010.0
    assert records.outputs.read(DAY, DAY, as_of_ns=499) == []


def test_reads_are_by_date_and_pick_site_and_figure(records):
    days = [DAY + dt.timedelta(days=n) for n in (2, 0, 1)]
    rows = [output(date=d) for d in days]
    rows += [replace(output(date=d), figure=Figure.METER, part="mactaa.a") for d in days]
    rows += [replace(output(date=d), site="kahrama") for d in days]
    records.outputs.record(rows)
    produced = records.outputs.read(days[1], days[0], site="mactaa", figures=[Figure.PRODUCED])
    assert [r.date for r in produced] == sorted(days)
    assert {(r.site, r.figure) for r in produced} == {("mactaa", Figure.PRODUCED)}
    assert len(records.outputs.read(DAY, DAY)) == 3
    assert len(records.outputs.read(days[1], days[0], figures=[Figure.PRODUCED])) == 6


def test_one_call_may_hold_one_figure_twice(records):
    recorded = records.outputs.record([output(1.0), output(2.0), output(2.0)])
    assert [r.revision for r in recorded] == [1, 2]


def test_records_survive_reopening(tmp_path):
    with open_records(tmp_path) as first:
        first.outputs.record([output()])
    with open_records(tmp_path) as second:
        assert second.outputs.read(DAY, DAY)[0].volume.volume_m3 == 1000.0


def test_the_database_itself_refuses_to_change_a_row(records):
    records.outputs.record([output()])
    for change in ("UPDATE daily_output SET volume_m3 = 0", "DELETE FROM daily_output"):
        with (
            pytest.raises(IntegrityError, match="append-only"),
            records._database.writing() as connection,
        ):
            connection.exec_driver_sql(change)
    assert records.outputs.read(DAY, DAY)[0].volume.volume_m3 == 1000.0


_steps = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.one_of(st.none(), st.floats(0, 1e6)),
        st.sampled_from(list(Status)),
        st.integers(1, 50),
    ),
    max_size=25,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=_steps)
def test_every_earlier_answer_can_be_had_again(tmp_path_factory, steps):
    """Law: whatever was answered at a time is answered again when asked as of that time."""
    now_ns, answers = 0, []
    with open_records(tmp_path_factory.mktemp("law")) as records:
        for day, m3, status, wait in steps:
            now_ns += wait
            date = DAY + dt.timedelta(days=day)
            volume = Volume(m3, None, 1.0, True, Method.TOTALIZER)
            records.outputs.record(
                [replace(output(date=date, at_ns=now_ns, status=status), volume=volume)]
            )
            last = DAY + dt.timedelta(days=2)
            answers.append((now_ns, records.outputs.read(DAY, last)))
        for at_ns, answer in answers:
            assert records.outputs.read(DAY, DAY + dt.timedelta(days=2), as_of_ns=at_ns) == answer
