"""What start-up made is there for good: the collector need not look through it again and again."""

from __future__ import annotations

import gc


def settle() -> None:
    """Call once all parts stand.

    A full collection looks at every object, and modules, models and descriptions are a million of
    them: measured 100 ms in which no scan begins and no request is answered. Frozen, they are passed
    over, and a full collection takes a few ms.
    """
    gc.collect()
    gc.freeze()
