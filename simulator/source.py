"""What the simulator's servers need of a model: figures that instruments show, at an instant."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Source(Protocol):
    """Where the served figures come from: the physical model, or a recording.

    tags : every tag id it knows, in a fixed order
    """

    @property
    def tags(self) -> tuple[str, ...]: ...

    def at(self, time_ns: int) -> NDArray[np.float64]:
        """What the instruments show at an instant: (n_tags,), in the base unit of each tag's kind.

        NaN where an instrument shows nothing. Times rise from call to call; an instant that is not
        later than the last one gives the last figures again.
        """
        ...

    def truth(self) -> dict[str, Any]:
        """The true figures at the last instant, free of meter bias and noise.

        ``time_ns``; ``sites``: by producing site ``flow_m3_per_h``, ``today_m3`` (since the
        production day began) and ``total_m3``; ``reservoirs``: by id ``volume_m3``, ``level_m``,
        ``inflow_m3_per_h`` and ``outflow_m3_per_h``. What a source cannot know is left out.
        """
        ...
