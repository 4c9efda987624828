"""API keys. A secret is 256 random bits and is kept as its SHA-256.

Why not scrypt: a slow hash protects a secret that a person has chosen and that can be guessed from
a list. Nobody guesses one of 2^256 values however fast the hash, while a slow one would cost tens of
milliseconds on every request and let anyone load the machine by sending wrong keys. The digest is
looked up by its index and then compared in constant time; what an attacker could learn from the
time of the look-up is a prefix of a digest, from which no secret follows.
Source: NIST SP 800-63B §5.1.2.2, which asks for a salted, slow hash only below 112 bits of entropy.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence

from sqlalchemy import insert, select

from storage.errors import BadRecord
from storage.records import Key
from storage.sql.database import Database
from storage.sql.tables import api_key, key_revocation

PREFIX = "fgr_"
ROLES = ("viewer", "planner", "admin")
_SECRET_BYTES = 32

_KEYS = select(
    api_key.c.id,
    api_key.c.name,
    api_key.c.role,
    api_key.c.created_at_ns,
    key_revocation.c.revoked_at_ns,
).join_from(api_key, key_revocation, isouter=True)


class SqlKeys:
    """The port ``storage.records.Keys``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, role: str, now_ns: int) -> tuple[Key, str]:
        """Raises: BadRecord for a role that does not exist or an empty name."""
        if role not in ROLES:
            raise BadRecord("role", f"'{role}' is none of {', '.join(ROLES)}")
        if not name.strip():
            raise BadRecord("name", "a key needs a name")
        secret = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        key = Key(f"k{secrets.token_hex(6)}", name.strip(), role, now_ns, None)
        with self._database.writing() as connection:
            connection.execute(
                insert(api_key).values(
                    id=key.id,
                    name=key.name,
                    role=role,
                    secret_sha256=_digest(secret),
                    created_at_ns=now_ns,
                )
            )
        return key, secret

    def verify(self, secret: str) -> Key | None:
        """The key whose secret this is, unless it has been revoked."""
        if not secret.startswith(PREFIX):
            return None
        digest = _digest(secret)
        query = _KEYS.add_columns(api_key.c.secret_sha256).where(api_key.c.secret_sha256 == digest)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None or not hmac.compare_digest(row[5], digest):
            return None
        key = Key(*row[:5])
        return None if key.revoked_at_ns is not None else key

    def all(self) -> Sequence[Key]:
        with self._database.reading() as connection:
            query = _KEYS.order_by(api_key.c.created_at_ns, api_key.c.id)
            return [Key(*row) for row in connection.execute(query)]

    def revoke(self, key_id: str, now_ns: int) -> bool:
        """False where there is no such key, or it is revoked already."""
        query = _KEYS.where(api_key.c.id == key_id, key_revocation.c.key_id.is_(None))
        with self._database.writing() as connection:
            if connection.execute(query).first() is None:
                return False
            connection.execute(insert(key_revocation).values(key_id=key_id, revoked_at_ns=now_ns))
        return True


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
