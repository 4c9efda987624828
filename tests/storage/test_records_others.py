"""Capacities, keys, gaps, audit and job runs in the records, and the database under them."""

import datetime as dt
import sqlite3
import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from storage.errors import BadRecord, Corrupt, Unavailable
from storage.records import AuditEntry, CapacityRecord, JobRun
from storage.sql import migrating, open_records
from storage.sql.database import FILE_NAME
from storage.sql.tables import metadata
from water.device import Gap


@pytest.fixture
def records(tmp_path):
    with open_records(tmp_path) as opened:
        yield opened


def target(m3, at_ns, site="mactaa", since=dt.date(2022, 3, 1), kind="target"):
    return CapacityRecord(site, kind, m3, since, None, "press", at_ns, "config")


def test_a_new_list_replaces_the_old_one_which_is_had_by_as_of(records):
    first = [target(350_000, 100), target(500_000, 100, kind="design")]
    second = [target(420_000, 200)]
    records.capacities.replace("mactaa", first)
    records.capacities.replace("kahrama", [target(90_000, 150, site="kahrama")])
    records.capacities.replace("mactaa", second)
    assert [(r.site, r.kind, r.m3_per_day) for r in records.capacities.rows()] == [
        ("kahrama", "target", 90_000),
        ("mactaa", "target", 420_000),
    ]
    assert [r.kind for r in records.capacities.rows(as_of_ns=100)] == ["design", "target"]
    assert records.capacities.rows(as_of_ns=99) == []
    assert records.capacities.history("mactaa") == [sorted(first, key=lambda r: r.kind), second]


def test_a_list_may_be_emptied_and_its_rows_are_had_again(records):
    records.capacities.replace("mactaa", [target(350_000, 100)])
    records.capacities.replace("mactaa", [])
    assert records.capacities.rows() == []
    assert records.capacities.rows(as_of_ns=100) == [target(350_000, 100)]
    assert records.capacities.history("mactaa") == [[target(350_000, 100)], []]


def test_a_secret_is_shown_once_and_only_its_digest_is_kept(records, tmp_path):
    key, secret = records.keys.add("control room", "viewer", 100)
    assert secret.startswith("fgr_")
    assert len(secret) > 40
    assert records.keys.verify(secret) == key
    assert records.keys.all() == [key]
    records.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in kept
    assert secret.removeprefix("fgr_").encode() not in kept


@pytest.mark.parametrize("wrong", ["", "fgr_", "fgr_wrong", "Bearer x", "fgr_" + "é" * 40])
def test_a_wrong_secret_is_no_key(records, wrong):
    records.keys.add("a", "admin", 1)
    assert records.keys.verify(wrong) is None


def test_a_revoked_key_stays_listed_and_opens_nothing(records):
    key, secret = records.keys.add("planner", "planner", 100)
    assert records.keys.revoke(key.id, 200)
    assert not records.keys.revoke(key.id, 300)
    assert not records.keys.revoke("nobody", 300)
    assert records.keys.verify(secret) is None
    assert [k.revoked_at_ns for k in records.keys.all()] == [200]


def test_an_unknown_role_or_no_name_is_refused(records):
    with pytest.raises(BadRecord, match="viewer, planner, admin"):
        records.keys.add("x", "root", 1)
    with pytest.raises(BadRecord, match="name"):
        records.keys.add(" ", "viewer", 1)


def test_a_gap_begins_and_ends_as_one(records):
    begun = Gap("rtu-1", 100, None, ("a.flow", "a.level"), 0, "timeout")
    ended = Gap("rtu-1", 100, 500, ("a.flow", "a.level"), 8, "timeout")
    for gap in (begun, begun, ended, ended, begun):
        records.gaps.record_gap(gap)
    assert records.gaps.gaps(0, 1000) == [ended]
    filled = Gap("rtu-1", 100, 500, ("a.flow", "a.level"), 8, "timeout", backfilled=True)
    records.gaps.record_gap(filled)
    assert records.gaps.gaps(0, 1000) == [filled]


def test_gaps_are_found_by_span_and_tag(records):
    lasting = Gap("rtu-2", 300, None, ("b.flow",), 0, "refused")
    over = Gap("rtu-1", 100, 200, ("a.flow",), 4, "timeout")
    records.gaps.record_gap(lasting)
    records.gaps.record_gap(over)
    assert records.gaps.gaps(0, 1000) == [over, lasting]
    assert records.gaps.gaps(0, 1000, tag="b.flow") == [lasting]
    assert records.gaps.gaps(200, 300) == []
    assert records.gaps.gaps(199, 200) == [over]
    assert records.gaps.gaps(5000, 6000) == [lasting]


def test_the_audit_is_read_by_time(records):
    entries = [AuditEntry(t, "planner", "targets.put", "mactaa", f"{t}") for t in (30, 10, 20)]
    for entry in entries:
        records.audit.write(entry)
    assert [e.at_ns for e in records.audit.read(10, 30)] == [10, 20]


def test_job_runs_tell_the_latest_and_what_is_done(records):
    runs = records.job_runs
    runs.record(JobRun("close_day", "2026-03-01", 1, None, None))
    runs.record(JobRun("close_day", "2026-03-01", 1, 2, "done", "12 figures"))
    runs.record(JobRun("close_day", "2026-03-02", 3, 4, "failed", "Unavailable"))
    runs.record(JobRun("seal", "2026-03-02T01", 5, None, None))
    assert runs.done("close_day") == {"2026-03-01"}
    assert runs.done("retain") == frozenset()
    assert runs.unfinished("close_day") == []
    assert runs.unfinished("seal") == [JobRun("seal", "2026-03-02T01", 5, None, None)]
    assert [(r.job, r.key, r.outcome) for r in runs.latest()] == [
        ("close_day", "2026-03-02", "failed"),
        ("seal", "2026-03-02T01", None),
    ]


def test_the_database_commits_to_disk(records):
    with records._database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_migrations_make_the_tables_that_the_code_knows(records):
    with records._database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == migrating.HEAD
    config = Config()
    config.set_main_option("script_location", str(migrating._FOLDER))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == migrating.HEAD


def test_records_of_a_newer_version_are_left_alone(tmp_path):
    open_records(tmp_path).close()
    path = tmp_path / FILE_NAME
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(Corrupt, match="newer"):
        open_records(tmp_path)


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"not a database, " * 100)
    with pytest.raises(Corrupt, match=FILE_NAME):
        open_records(tmp_path)


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable):
        open_records(tmp_path / "file")


def test_many_threads_write_at_once_and_nothing_is_lost(records):
    def write(who):
        for n in range(20):
            records.audit.write(AuditEntry(n, who, "a", "s", ""))
            records.audit.read(0, 10)

    threads = [threading.Thread(target=write, args=(f"t{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(records.audit.read(0, 100)) == 120
