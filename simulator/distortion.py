"""Instruments that show something else than the water does: frozen, spiked, reset, replaced."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class Distortion:
    """One device's instruments. Columns are (n_tags,) in the order of the device's tags.

    A frozen tag keeps what it showed last; a spiked one shows its figure × factor. A counter that
    was reset or replaced goes on from where it was set, for ever: that is no state that ends.
    """

    frozen: dict[int, NDArray[np.intp]] = field(default_factory=dict[int, NDArray[np.intp]])
    spiked: dict[int, tuple[NDArray[np.intp], float]] = field(
        default_factory=dict[int, tuple[NDArray[np.intp], float]]
    )
    _shown: NDArray[np.float64] | None = None
    _counter_offset: NDArray[np.float64] | None = None
    _to_set: list[tuple[NDArray[np.intp], float]] = field(
        default_factory=list[tuple[NDArray[np.intp], float]]
    )

    def set_counters(self, tags: NDArray[np.intp], reading: float) -> None:
        """At the next instant these counters show ``reading`` (base unit) and count on from there."""
        self._to_set.append((tags, reading))

    def shown(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the instruments show where the source says ``values``."""
        out = values.copy()
        if self._counter_offset is None:
            self._counter_offset = np.zeros(values.shape)
        for tags, reading in self._to_set:
            known = tags[~np.isnan(values[tags])]
            self._counter_offset[known] = reading - values[known]
        self._to_set.clear()
        out += self._counter_offset
        for tags, factor in self.spiked.values():
            out[tags] *= factor
        if self._shown is not None:
            for tags in self.frozen.values():
                out[tags] = self._shown[tags]
        self._shown = out
        return out
