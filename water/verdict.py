"""From the account of a span to its volume: which method, how sure, and whether anything at all."""

from __future__ import annotations

from water.account import Account
from water.meter import Meter
from water.uncertainty import (
    ESTIMATE_95_RATIO,
    in_quadrature,
    of_count,
    of_float32,
    of_unseen,
    widened,
)
from water.volume import NOTHING, MeterEvent, Method, Volume, disagreement, few

COMPARABLE = 0.5
"""The two methods are compared where both measured at least this part of the span."""
FLOAT32_AGREES = 0.01
"""A float32 register is believed where the flow confirms it to this ratio."""
WHOLE = 1 - 1e-9


def volume_of(meter: Meter, book: Account) -> Volume:
    """The volume of an account: totalizer first, else the flow, else nothing."""
    if book.measured_s > 0:
        if _is_float32(meter, book):
            return _by_float32(meter, book)
        return _by_register(meter, book)
    if book.flow_s > 0:
        return _by_flow(meter, book)
    return _unknown(book) if book.events else NOTHING


def _is_float32(meter: Meter, book: Account) -> bool:
    """Did a float32 register stand there in the span?"""
    return any(
        installation.float32
        and (installation.fitted_ns is None or installation.fitted_ns < book.end_ns)
        and (installation.removed_ns is None or installation.removed_ns > book.begin_ns)
        for installation in meter.installations
    )


def _unknown(book: Account) -> Volume:
    """Something was read, but no figure can be defended."""
    return Volume(
        None, None, _coverage(book), book.begin.ok and book.end.ok, None, events=few(book.events)
    )


def _coverage(book: Account) -> float:
    return min(1.0, book.sampled_s / book.span_s)


def _by_register(meter: Meter, book: Account) -> Volume:
    if book.unresolved_s > 0:
        return _unknown(book)
    volume_m3 = book.measured_m3 + book.filled_m3 + book.carried_m3
    estimated_m3 = book.shared_m3 + book.filled_m3 + book.carried_m3
    cross_check_m3 = _cross_check(book, volume_m3)
    u95_m3 = in_quadrature(
        (
            meter.accuracy_95_ratio * volume_m3,
            book.begin.u95_m3,
            book.end.u95_m3,
            of_count(book.count_m3),
            of_count(book.count_m3),
            ESTIMATE_95_RATIO * book.filled_m3,
            book.carried_m3,
            of_unseen(meter.maximum_flow_m3_per_h, book.missing_s),
        )
    )
    if cross_check_m3 is not None:
        other_u95_m3 = meter.accuracy_95_ratio * cross_check_m3
        u95_m3 = widened(u95_m3, other_u95_m3, volume_m3 - cross_check_m3)
    return Volume(
        volume_m3,
        u95_m3,
        _coverage(book),
        book.begin.ok and book.end.ok,
        _register_method(book, estimated_m3, volume_m3),
        estimated_m3,
        cross_check_m3,
        disagreement(volume_m3, cross_check_m3),
        few(book.events),
    )


def _register_method(book: Account, estimated_m3: float, volume_m3: float) -> Method:
    if volume_m3 > 0 and estimated_m3 >= volume_m3 * WHOLE:
        return Method.ESTIMATED
    return Method.MIXED if book.filled_s > 0 else Method.TOTALIZER


def _cross_check(book: Account, volume_m3: float) -> float | None:
    """The flow's volume of the whole span; where the flow has holes, in proportion to what both saw."""
    if book.alike_s < COMPARABLE * book.span_s:
        return None
    if book.alike_register_m3 <= 0:
        return book.alike_flow_m3
    return volume_m3 * book.alike_flow_m3 / book.alike_register_m3


def _by_flow(meter: Meter, book: Account) -> Volume:
    """What the flow covers, and no more: an uncovered hole is missing in it, and in the coverage."""
    uncovered_s = max(0.0, book.span_s - book.flow_s)
    u95_m3 = in_quadrature(
        (
            meter.accuracy_95_ratio * book.flow_m3,
            of_unseen(meter.maximum_flow_m3_per_h, uncovered_s),
        )
    )
    return Volume(
        book.flow_m3,
        u95_m3,
        min(1.0, book.flow_s / book.span_s),
        book.flow_begin_ok and book.flow_end_ok,
        Method.FLOW_INTEGRAL,
        events=few([*book.events, *book.flow_events]),
    )


def _by_float32(meter: Meter, book: Account) -> Volume:
    """A float32 register is never trusted alone: believed where the flow confirms it, else the flow counts."""
    if book.alike_s < COMPARABLE * book.span_s:
        return _float32_alone(meter, book)
    register_m3, flow_m3 = book.alike_register_m3, book.alike_flow_m3
    allowed = FLOAT32_AGREES * max(abs(register_m3), abs(flow_m3)) + 2 * book.count_m3
    if abs(register_m3 - flow_m3) <= allowed:
        return _by_register(meter, book)
    return _flow_before_float32(meter, book)


def _float32_alone(meter: Meter, book: Account) -> Volume:
    by_register = _by_register(meter, book)
    volume_m3, u95_m3 = by_register.volume_m3, by_register.u95_m3
    if volume_m3 is None or u95_m3 is None:
        return by_register
    detail = f"float32 register, step {book.count_m3:g} m³, with no flow to confirm it"
    event = MeterEvent("float32", book.begin_ns, volume_m3, detail)
    return Volume(
        volume_m3,
        in_quadrature((u95_m3, of_float32(volume_m3, book.count_m3, book.span_s))),
        by_register.coverage,
        by_register.boundary_ok,
        Method.ESTIMATED,
        volume_m3,
        events=few([*book.events, event]),
    )


def _flow_before_float32(meter: Meter, book: Account) -> Volume:
    """The flow's volume; over its holes the register's, as an estimate."""
    by_flow = _by_flow(meter, book)
    bridged_m3 = book.measured_m3 - book.alike_register_m3
    volume_m3 = book.flow_m3 + bridged_m3
    cross_check_m3 = book.measured_m3
    off = disagreement(volume_m3, cross_check_m3)
    detail = f"float32 register, step {book.count_m3:g} m³, differs from the flow: the flow counts"
    event = MeterEvent("float32", book.begin_ns, None, detail)
    return Volume(
        volume_m3,
        by_flow.u95_m3,
        by_flow.coverage,
        by_flow.boundary_ok,
        Method.MIXED if bridged_m3 > 0 else Method.FLOW_INTEGRAL,
        bridged_m3,
        cross_check_m3,
        off,
        few([*book.events, *book.flow_events, event]),
    )
