"""Node ids as people write them, to node ids of one server.

A namespace's index is the server's own affair and may change when it restarts; its URI does not. So
ids with a URI are resolved anew for every session.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from asyncua import ua

_ID = re.compile(r"^\s*(ns=\d+;)?\s*[isgb]=", re.DOTALL)
_BY_URI = re.compile(r"^\s*nsu=(?P<uri>.+?);\s*(?P<rest>[isgb]=.*)$", re.DOTALL)


class UnknownNode(ValueError):
    """A node id that this server cannot have, or that is none."""


def resolve(text: str, namespaces: Sequence[str]) -> ua.NodeId:
    """The server's node id of ``nsu=URI;s=…``, ``ns=2;s=…`` or ``i=…``.

    Raises: UnknownNode
    """
    index, rest = None, text
    found = _BY_URI.match(text)
    if found:
        uri = found["uri"].strip()
        if uri not in namespaces:
            raise UnknownNode(f"the server has no namespace {uri}")
        index, rest = list(namespaces).index(uri), found["rest"]
    if not _ID.match(rest):
        raise UnknownNode(f"'{text}' is no node id of a server's own")
    try:
        return ua.NodeId.from_string(rest if index is None else f"ns={index};{rest}")
    except (ua.UaError, ValueError) as err:
        raise UnknownNode(f"'{text}' is no node id") from err
