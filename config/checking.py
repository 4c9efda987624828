"""What one field alone cannot see: ids, units, registers, references, dates and limits together."""

from __future__ import annotations

from collections.abc import Collection

from config.finding import Finding
from config.plant import Plant


def check(plant: Plant, missing_ids: Collection[str] = ()) -> list[Finding]:
    """Everything that is wrong or risky in a description whose fields are each right by themselves.

    missing_ids : ids that were described wrongly and are told of elsewhere
    """
    return []
