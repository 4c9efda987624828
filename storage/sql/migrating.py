"""Brings a database to the tables that this version of Foggara knows."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from storage.errors import Corrupt
from storage.sql.database import Database

_FOLDER = Path(__file__).parent / "migrations"
HEAD = "0001"
"""the newest revision in ``migrations/versions``; a test holds the two together"""


def migrate(database: Database) -> None:
    """Run what is missing, all of it or nothing.

    Raises: Corrupt where a newer Foggara has written the records: they are left alone.
    """
    with database.writing() as connection:
        have = _revision(connection)
        if have == HEAD:
            return
        _upgrade(connection, database.path, have)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(text("SELECT version_num FROM alembic_version"))


def _upgrade(connection: Connection, path: Path, have: str | None) -> None:
    # Alembic takes a quarter of a second to import: only where there is something to do.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if have is not None and have not in known:
        raise Corrupt(str(path), f"its tables are of revision {have}, newer than this Foggara")
    command.upgrade(config, "head")
