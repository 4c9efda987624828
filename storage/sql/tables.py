"""The records' tables. Rows are only ever added: a change is a new row, and the old one stays.

Types are those that SQLite and PostgreSQL share: times are ns UTC in 64-bit integers, dates are
dates, volumes are doubles in m³. Their history is in ``migrations``.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

_Number = BigInteger().with_variant(Integer, "sqlite")
"""a row's number: only INTEGER counts up by itself in SQLite"""


def _number() -> Column[int]:
    return Column("id", _Number, primary_key=True, autoincrement=True)


daily_output = Table(
    "daily_output",
    metadata,
    _number(),
    Column("site", String(120), nullable=False),
    Column("figure", String(20), nullable=False),
    Column("part", String(120), nullable=False),
    Column("date", Date, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("computed_at_ns", BigInteger, nullable=False),
    Column("status", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("volume_m3", Double),
    Column("u95_m3", Double),
    Column("coverage", Double, nullable=False),
    Column("boundary_ok", Boolean, nullable=False),
    Column("method", String(20)),
    Column("estimated_m3", Double, nullable=False),
    Column("cross_check_m3", Double),
    Column("disagreement", Double),
    Column("events", JSON(none_as_null=True), comment="null where nothing happened"),
    UniqueConstraint("site", "figure", "part", "date", "revision"),
    Index("ix_daily_output_figure_date", "figure", "date"),
    Index("ix_daily_output_site_figure_date", "site", "figure", "date"),
)

capacity_list = Table(
    "capacity_list",
    metadata,
    _number(),
    Column("site", String(120), nullable=False),
    Column("recorded_at_ns", BigInteger, nullable=False),
    Index("ix_capacity_list_site", "site", "recorded_at_ns"),
)

capacity_row = Table(
    "capacity_row",
    metadata,
    _number(),
    Column("list_id", _Number, ForeignKey("capacity_list.id"), nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("m3_per_day", Double, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    Column("source", Text),
    Column("recorded_at_ns", BigInteger, nullable=False),
    Column("recorded_by", String(120), nullable=False),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("role", String(20), nullable=False),
    Column("secret_sha256", String(64), nullable=False, unique=True),
    Column("created_at_ns", BigInteger, nullable=False),
)

key_revocation = Table(
    "key_revocation",
    metadata,
    Column("key_id", String(40), ForeignKey("api_key.id"), primary_key=True),
    Column("revoked_at_ns", BigInteger, nullable=False),
)

gap = Table(
    "gap",
    metadata,
    _number(),
    Column("device", String(120), nullable=False),
    Column("from_ns", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("to_ns", BigInteger, comment="null while it lasts"),
    Column("tags", JSON, nullable=False),
    Column("readings", BigInteger, nullable=False),
    Column("cause", Text, nullable=False),
    Column("backfilled", Boolean, nullable=False),
    UniqueConstraint("device", "from_ns", "revision"),
    Index("ix_gap_from", "from_ns"),
)

audit_entry = Table(
    "audit_entry",
    metadata,
    _number(),
    Column("at_ns", BigInteger, nullable=False, index=True),
    Column("who", String(120), nullable=False),
    Column("action", String(120), nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
)

job_run = Table(
    "job_run",
    metadata,
    _number(),
    Column("job", String(120), nullable=False),
    Column("key", String(120), nullable=False),
    Column("started_ns", BigInteger, nullable=False),
    Column("ended_ns", BigInteger),
    Column("outcome", String(20)),
    Column("detail", Text, nullable=False),
    Index("ix_job_run_job", "job", "outcome", "key"),
)
