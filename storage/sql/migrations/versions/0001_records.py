"""The first tables of the records. Frozen: later changes are later revisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "daily_output",
    "capacity_list",
    "capacity_row",
    "api_key",
    "key_revocation",
    "gap",
    "audit_entry",
)


def upgrade() -> None:
    _outputs()
    _capacities()
    _keys()
    _gaps()
    _audit_and_runs()
    if op.get_bind().dialect.name == "sqlite":
        for table in APPEND_ONLY:
            _forbid_changes(table)


def _forbid_changes(table: str) -> None:
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _number() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column("id", kind, primary_key=True, autoincrement=True)


def _outputs() -> None:
    op.create_table(
        "daily_output",
        _number(),
        sa.Column("site", sa.String(120), nullable=False),
        sa.Column("figure", sa.String(20), nullable=False),
        sa.Column("part", sa.String(120), nullable=False),
        sa.Column("date", sa.Date, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("computed_at_ns", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("volume_m3", sa.Double),
        sa.Column("u95_m3", sa.Double),
        sa.Column("coverage", sa.Double, nullable=False),
        sa.Column("boundary_ok", sa.Boolean, nullable=False),
        sa.Column("method", sa.String(20)),
        sa.Column("estimated_m3", sa.Double, nullable=False),
        sa.Column("cross_check_m3", sa.Double),
        sa.Column("disagreement", sa.Double),
        sa.Column("events", sa.JSON, comment="null where nothing happened"),
        sa.UniqueConstraint("site", "figure", "part", "date", "revision"),
    )
    op.create_index("ix_daily_output_figure_date", "daily_output", ["figure", "date"])
    op.create_index("ix_daily_output_site_figure_date", "daily_output", ["site", "figure", "date"])


def _capacities() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "capacity_list",
        _number(),
        sa.Column("site", sa.String(120), nullable=False),
        sa.Column("recorded_at_ns", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_capacity_list_site", "capacity_list", ["site", "recorded_at_ns"])
    op.create_table(
        "capacity_row",
        _number(),
        sa.Column("list_id", number, sa.ForeignKey("capacity_list.id"), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("m3_per_day", sa.Double, nullable=False),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("valid_to", sa.Date),
        sa.Column("source", sa.Text),
        sa.Column("recorded_at_ns", sa.BigInteger, nullable=False),
        sa.Column("recorded_by", sa.String(120), nullable=False),
    )
    op.create_index("ix_capacity_row_list_id", "capacity_row", ["list_id"])


def _keys() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at_ns", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "key_revocation",
        sa.Column("key_id", sa.String(40), sa.ForeignKey("api_key.id"), primary_key=True),
        sa.Column("revoked_at_ns", sa.BigInteger, nullable=False),
    )


def _gaps() -> None:
    op.create_table(
        "gap",
        _number(),
        sa.Column("device", sa.String(120), nullable=False),
        sa.Column("from_ns", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("to_ns", sa.BigInteger, comment="null while it lasts"),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("readings", sa.BigInteger, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("backfilled", sa.Boolean, nullable=False),
        sa.UniqueConstraint("device", "from_ns", "revision"),
    )
    op.create_index("ix_gap_from", "gap", ["from_ns"])


def _audit_and_runs() -> None:
    op.create_table(
        "audit_entry",
        _number(),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("who", sa.String(120), nullable=False),
        sa.Column("action", sa.String(120), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("ix_audit_entry_at_ns", "audit_entry", ["at_ns"])
    op.create_table(
        "job_run",
        _number(),
        sa.Column("job", sa.String(120), nullable=False),
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("started_ns", sa.BigInteger, nullable=False),
        sa.Column("ended_ns", sa.BigInteger),
        sa.Column("outcome", sa.String(20)),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("ix_job_run_job", "job_run", ["job", "outcome", "key"])
