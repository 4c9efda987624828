"""The history of the records' tables, run when the records are opened (Alembic)."""
