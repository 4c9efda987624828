"""The additive account of a span at one measuring point.

Everything that a volume rests on is gathered here in terms that add up over a split of the span, so
the account of a day is the account of its parts joined; ``water.verdict`` makes the volume of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from water.bridging import course
from water.flow import FlowCurve
from water.meter import Meter
from water.readings import Readings
from water.register import Register
from water.totalizer import Step
from water.uncertainty import of_boundary
from water.volume import MeterEvent


@dataclass(frozen=True, slots=True)
class Boundary:
    """One end of a span: both neighbours good and near, and what its interpolation leaves open."""

    ok: bool = False
    u95_m3: float = 0.0


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of ``[begin_ns, end_ns)``. Volumes in m³, times in s.

    measured : by the register; shared: the part of it that time alone divides at a far boundary
    filled : from the flow, where the register is held back or silent
    carried : at the neighbouring rate, over holes no longer than the greatest gap
    unresolved_s : held back and not filled; missing_s: neither register nor flow
    flow : integral of the flow; alike: register and flow over the time that both measured
    """

    begin_ns: int
    end_ns: int
    measured_m3: float = 0.0
    measured_s: float = 0.0
    shared_m3: float = 0.0
    filled_m3: float = 0.0
    filled_s: float = 0.0
    carried_m3: float = 0.0
    unresolved_s: float = 0.0
    missing_s: float = 0.0
    sampled_s: float = 0.0
    count_m3: float = 0.0
    begin: Boundary = Boundary()
    end: Boundary = Boundary()
    flow_m3: float = 0.0
    flow_s: float = 0.0
    flow_begin_ok: bool = False
    flow_end_ok: bool = False
    alike_register_m3: float = 0.0
    alike_flow_m3: float = 0.0
    alike_s: float = 0.0
    events: tuple[MeterEvent, ...] = ()
    flow_events: tuple[MeterEvent, ...] = ()

    @property
    def span_s(self) -> float:
        return (self.end_ns - self.begin_ns) / 1e9


SUMMED = (
    "measured_m3", "measured_s", "shared_m3", "filled_m3", "filled_s", "carried_m3",
    "unresolved_s", "missing_s", "sampled_s", "flow_m3", "flow_s",
    "alike_register_m3", "alike_flow_m3", "alike_s",
)  # fmt: skip


def joined(first: Account, second: Account) -> Account:
    """The account of two spans, the second beginning where the first ends."""
    sums = {name: getattr(first, name) + getattr(second, name) for name in SUMMED}
    return replace(
        first,
        **sums,
        end_ns=second.end_ns,
        end=second.end,
        flow_end_ok=second.flow_end_ok,
        count_m3=max(first.count_m3, second.count_m3),
        events=first.events + second.events,
        flow_events=first.flow_events + second.flow_events,
    )


def account(
    meter: Meter, totalizer: Readings, flow: Readings, begin_ns: int, end_ns: int
) -> Account:
    """The account of a span from good readings that reach beyond it where they can."""
    curve = FlowCurve.of(flow, meter.flow_max_gap_s)
    book = _flow_account(curve, meter.flow_max_gap_s, begin_ns, end_ns)
    register = Register(course(meter, totalizer), meter)
    if not register.reaches(begin_ns, end_ns):
        return replace(book, missing_s=book.span_s)
    book = _register_account(book, register)
    book = _holes(book, register, curve)
    return _alike(book, register, curve)


def _flow_account(curve: FlowCurve, max_gap_s: float, begin_ns: int, end_ns: int) -> Account:
    holes = curve.holes(begin_ns, end_ns)
    inner = [(a, b) for a, b in holes if b - a > max_gap_s * 1e9 and (a > begin_ns or b < end_ns)]
    events = [MeterEvent("gap", a, None, f"no flow for {(b - a) / 1e9:.0f} s") for a, b in inner]
    return Account(
        begin_ns,
        end_ns,
        flow_m3=curve.volume(begin_ns, end_ns),
        flow_s=curve.covered_s(begin_ns, end_ns),
        flow_begin_ok=curve.covers(begin_ns),
        flow_end_ok=curve.covers(end_ns),
        flow_events=tuple(events),
    )


def _register_account(book: Account, register: Register) -> Account:
    begin_ns, end_ns = book.begin_ns, book.end_ns
    measured_ns = register.span_within(begin_ns, end_ns)
    held_s = sum((b - a) / 1e9 for _, a, b in register.held(begin_ns, end_ns))
    shared_m3, events = _gaps(register, begin_ns, end_ns)
    return replace(
        book,
        measured_m3=register.volume(begin_ns, end_ns),
        measured_s=measured_ns / 1e9 - held_s,
        shared_m3=shared_m3,
        sampled_s=register.sampled_s(begin_ns, end_ns),
        count_m3=register.course.count_m3,
        begin=_boundary(register, begin_ns),
        end=_boundary(register, end_ns),
        events=(*events, *register.events(begin_ns, end_ns)),
    )


def _boundary(register: Register, at_ns: int) -> Boundary:
    found = register.step_at(at_ns)
    if found is None:
        return Boundary()
    step, share = found
    if share == 0.0:
        return Boundary(ok=True)
    ok = register.is_short(step) and not register.is_held(step)
    return Boundary(ok, of_boundary(register.step_m3(step), share))


def _gaps(register: Register, begin_ns: int, end_ns: int) -> tuple[float, list[MeterEvent]]:
    """What far boundaries share by time, and an event for every gap that the register bridges."""
    shared_m3 = 0.0
    events: list[MeterEvent] = []
    for step in register.long_steps(begin_ns, end_ns):
        from_ns, to_ns = register.step_ns(step)
        volume_m3 = register.volume(max(from_ns, begin_ns), min(to_ns, end_ns))
        over = from_ns < begin_ns or to_ns > end_ns
        detail = f"no reading for {(to_ns - from_ns) / 1e9:.0f} s"
        if over:
            shared_m3 += volume_m3
            detail += f", {register.step_m3(step):.6g} m³ shared by time"
        kind = "gap_over_boundary" if over else "gap"
        known = None if register.is_held(step) else volume_m3
        events.append(MeterEvent(kind, max(from_ns, begin_ns), known, detail))
    return shared_m3, events


def _holes(book: Account, register: Register, curve: FlowCurve) -> Account:
    """Fill what the register does not tell: from the flow, or over a short hole at the rate beside it."""
    for step, from_ns, to_ns in register.held(book.begin_ns, book.end_ns):
        book = _filled(book, register, curve, step, from_ns, to_ns)
    for from_ns, to_ns in register.silent(book.begin_ns, book.end_ns):
        book = _filled(book, register, curve, None, from_ns, to_ns)
    return book


def _filled(
    book: Account, register: Register, curve: FlowCurve, step: int | None, from_ns: int, to_ns: int
) -> Account:
    length_s = (to_ns - from_ns) / 1e9
    covered_s = curve.covered_s(from_ns, to_ns)
    known_m3 = 0.0 if step is None else register.volume(from_ns, to_ns)
    if covered_s > 0 and length_s - covered_s <= min(register.limit_s, length_s / 2):
        flow_m3 = curve.volume(from_ns, to_ns) * length_s / covered_s
        lost_m3 = flow_m3 - known_m3
        if known_m3:  # after a reset the part since the restart is measured
            lost_m3 = max(0.0, lost_m3)
        return replace(book, filled_m3=book.filled_m3 + lost_m3, filled_s=book.filled_s + length_s)
    short = length_s <= register.limit_s if step is None else register.is_short(step)
    rate = register.rate_beside(from_ns, to_ns, step) if short else None
    if rate is not None:
        lost_m3 = max(0.0, rate * length_s - known_m3)
        return replace(book, carried_m3=book.carried_m3 + lost_m3)
    if step is None or register.course.step[step] == Step.UNMETERED:
        return replace(book, missing_s=book.missing_s + length_s)
    return replace(book, unresolved_s=book.unresolved_s + length_s)


def _alike(book: Account, register: Register, curve: FlowCurve) -> Account:
    """Both methods over the time that both measured, for the comparison."""
    begin_ns, end_ns = book.begin_ns, book.end_ns
    apart = np.array(curve.holes(begin_ns, end_ns), np.int64).reshape(-1, 2)
    register_m3 = book.measured_m3 - register.volumes(apart)
    flow_m3, both_s = book.flow_m3, book.flow_s
    held = [(a, b) for _, a, b in register.held(begin_ns, end_ns)]
    for from_ns, to_ns in [*held, *register.silent(begin_ns, end_ns)]:
        flow_m3 -= curve.volume(from_ns, to_ns)
        both_s -= curve.covered_s(from_ns, to_ns)
        register_m3 -= register.volume(from_ns, to_ns)
    return replace(book, alike_register_m3=register_m3, alike_flow_m3=flow_m3, alike_s=both_s)
