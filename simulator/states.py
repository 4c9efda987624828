"""State tags: what trains, pumps, valves and contacts say, in each tag's own numbers."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from config.devices import AddressedTag, DataType
from config.plant import Plant
from simulator.placing import Place
from simulator.production import Production
from simulator.trains import TrainState
from simulator.waves import Array
from water.units import Kind

_WORDS: Final = {
    TrainState.OFF: r"off|stop|shut|arr",
    TrainState.STANDBY: r"stand ?by|ready|idle|off|stop",
    TrainState.STARTING: r"start|flush|ramp",
    TrainState.RUNNING: r"run|marche|open|\bon\b|operat",
    TrainState.CLEANING: r"clean|cip|maint",
    TrainState.FAULT: r"fault|trip|alarm|fail|d[ée]faut",
}
_HEALTHY: Final = r"healthy|normal|ok|good|closed|auto|no\b|none"
_RUNS_ABOVE: Final = 0.02


class States:
    """The state tags as columns; each has its number for every ``TrainState``."""

    def __init__(self, plant: Plant, column: dict[str, int], places: dict[str, Place]) -> None:
        tags = [tag for tag in plant.tags.values() if tag.kind is Kind.STATE]
        self.tags: tuple[str, ...] = tuple(tag.id for tag in tags)
        self._columns = np.array([column[tag.id] for tag in tags], np.intp)
        self._numbers = np.array([_numbers(tag) for tag in tags]).reshape(len(tags), 6)
        self._train = [places[tag.id].train for tag in tags]

    def show(self, shown: Array, times_s: Array, running: Array, production: Production) -> None:
        """Fills its columns of ``shown``; running : (n_times, n_tags) share of the usual stream."""
        for k, (column, train) in enumerate(zip(self._columns, self._train, strict=True)):
            if train is not None:
                states = production.lives[train].state(times_s)
            else:
                runs = running[:, column] > _RUNS_ABOVE
                states = np.where(runs, int(TrainState.RUNNING), int(TrainState.STANDBY))
            shown[:, column] = self._numbers[k][states]


def _numbers(tag: AddressedTag) -> list[float]:
    """The tag's number for each ``TrainState``."""
    data = getattr(tag, "data", None)
    if not tag.states:
        runs = [float(state is TrainState.RUNNING) for state in TrainState]
        return runs if data is DataType.BOOL else [1.0] * len(TrainState)
    healthy = _find(tag.states, _HEALTHY)
    running = _find(tag.states, _WORDS[TrainState.RUNNING])
    if running is None:
        quiet = float(min(tag.states) if healthy is None else healthy)
        fault = _find(tag.states, _WORDS[TrainState.FAULT])
        loud = quiet if fault is None else float(fault)
        return [loud if state is TrainState.FAULT else quiet for state in TrainState]
    still = _find(tag.states, _WORDS[TrainState.OFF])
    still = still if still is not None else _find(tag.states, _WORDS[TrainState.STANDBY])
    rest = float(min(tag.states) if still is None else still)
    numbers: list[float] = []
    for state in TrainState:
        found = _find(tag.states, _WORDS[state])
        numbers.append(rest if found is None else float(found))
    return numbers


def _find(states: dict[int, str], words: str) -> int | None:
    return next((n for n, text in states.items() if re.search(words, text.lower())), None)
