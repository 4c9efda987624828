"""The embedded store: SQLite journal and sealed Parquet files, in one folder."""

from storage.embedded.reader import Onlooker, open_reader
from storage.embedded.store import EmbeddedStore, open_store

__all__ = ["EmbeddedStore", "Onlooker", "open_reader", "open_store"]
