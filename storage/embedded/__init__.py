"""The embedded store: SQLite journal and sealed Parquet files, in one folder."""

from storage.embedded.store import EmbeddedStore, open_store

__all__ = ["EmbeddedStore", "open_store"]
