"""How a recording is mapped to a plant's tags: a small YAML file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.devices import AddressedTag
from config.plant import Plant
from simulator.errors import BadRecording
from simulator.recording import read_recording
from simulator.replay import Between, Replayed, ReplaySource
from water.errors import BadDescription
from water.units import Kind, to_base


class ReplayedColumn(BaseModel):
    """One column of the recording."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str = Field(description="unit of the column's figures")
    show: str | None = Field(default=None, description="tag that shows the figures")
    count: str | None = Field(default=None, description="totalizer tag that counts the flow")


class ReplayDescription(BaseModel):
    """``file`` is relative to the description."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path
    time: str = Field(default="time", description="column of the times")
    time_zone: str | None = Field(default=None, description="IANA name, of times without an offset")
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    between: Between = Between.HOLD
    counters_begin_m3: float = Field(default=0.0, ge=0)
    columns: dict[str, ReplayedColumn] = Field(min_length=1)


def load_replay(path: Path, plant: Plant) -> ReplaySource:
    """The recording that a YAML description names, as a source for this plant's tags.

    Raises: BadRecording naming the file and what is wrong in it.
    """
    description = _described(path)
    show: dict[str, Replayed] = {}
    count: dict[str, Replayed] = {}
    for name, column in description.columns.items():
        if column.show is None and column.count is None:
            raise BadRecording(str(path), "is neither shown nor counted", column=name)
        if column.show is not None:
            tag = _tag(path, plant, name, column.show)
            show[name] = _replayed(path, name, column, tag.id, tag.kind)
        if column.count is not None:
            tag = _tag(path, plant, name, column.count)
            if tag.kind is not Kind.TOTALIZER:
                raise BadRecording(str(path), f"'{tag.id}' is no totalizer", column=name)
            count[name] = _replayed(path, name, column, tag.id, Kind.FLOW)
    recording = read_recording(
        path.parent / description.file,
        list(description.columns),
        time_column=description.time,
        time_zone=description.time_zone,
        delimiter=description.delimiter,
    )
    return ReplaySource(
        recording,
        show=show,
        totalize=count,
        between=description.between,
        counters_begin_m3=description.counters_begin_m3,
    )


def _described(path: Path) -> ReplayDescription:
    try:
        found: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise BadRecording(str(path), err.strerror or str(err)) from err
    except yaml.YAMLError as err:
        raise BadRecording(str(path), f"no YAML: {err}") from err
    try:
        return ReplayDescription.model_validate(found)
    except ValidationError as err:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in err.errors()
        )
        raise BadRecording(str(path), wrong) from err


def _tag(path: Path, plant: Plant, column: str, tag: str) -> AddressedTag:
    found = plant.tags.get(tag)
    if found is None:
        raise BadRecording(str(path), f"the plant has no tag '{tag}'", column=column)
    return found


def _replayed(path: Path, name: str, column: ReplayedColumn, tag: str, kind: Kind) -> Replayed:
    try:
        factor, offset = to_base(kind, column.unit)
    except BadDescription as err:
        raise BadRecording(str(path), err.message, column=name) from err
    return Replayed(tag, factor, offset)
