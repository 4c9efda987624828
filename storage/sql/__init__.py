"""The records in a relational database: daily outputs, targets, keys, gaps, audit, job runs."""

from storage.sql.records import SqlRecords, open_records

__all__ = ["SqlRecords", "open_records"]
