"""The theorem meter: what is certified now, beside what is measured now."""

from __future__ import annotations

import math
from html import escape

from lessons_lib.panels.training_plot import ROUNDING
from lessons_lib.runs import Measurements

GREEN, AMBER = "#2f9560", "#d9692b"
NOTHING = "–"


def meter(
    measured: Measurements,
    context_length: int,
    norm: str,
    unit: str = "tokens",
    gap: tuple[str, str] | None = None,
) -> str:
    """Tiles as HTML, of rate, context needed, and error beside its bound; what is missing is left open.

    Args:
        measured: what the probe found last.
        context_length: where error and bound are read off.
        norm: in which the rate is certified, e.g. "Euclidean norm".
        unit: what the model reads, in the plural.
        gap: where the run stands beside its twin, and over which steps: a tile before the others.
    """
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:6px 8px;margin:4px 0">'
        + (_tile("The loss, beside a twin left alone", *gap, None) if gap else "")
        + _rate(measured, norm)
        + _context(measured.context_needed, measured.accuracy, unit)
        + _error(measured, context_length, unit)
        + "</div>"
    )


def _rate(measured: Measurements, norm: str) -> str:
    title, rate = "Certified rate now", measured.rate
    if rate is None:
        unknown = measured.truncation_error is not None
        return _tile(title, NOTHING, "this model has none" if unknown else "measured while training", None)
    where = f" ({norm})" if norm else ""
    if rate < 1:
        return _tile(title, f"{rate:.3g}", f"below 1: every step forgets{where}", True)
    shown = f"{rate:.3g}" if math.isfinite(rate) else "none"
    return _tile(title, shown, f"not below 1: nothing is promised{where}", False)


def _context(context: float | None, accuracy: float | None, unit: str) -> str:
    title = "Context the theorem asks for"
    if context is None or accuracy is None:
        return _tile(title, NOTHING, "for the same predictions within ε", None)
    if math.isfinite(context):
        return _tile(title, f"{context:,.0f} {unit}", f"for the same logits within ε = {accuracy:g}", True)
    return _tile(title, "no finite one", f"for the same logits within ε = {accuracy:g}", False)


def _error(measured: Measurements, context_length: int, unit: str) -> str:
    title = f"Error with only the last {context_length} {unit}"
    errors, bounds = measured.truncation_error or (), measured.truncation_bound or ()
    if len(errors) < context_length:
        return _tile(title, NOTHING, "largest difference of the logits", None)
    error = errors[context_length - 1]
    shown = f"{error:.2g} measured" if error > ROUNDING else f"below {ROUNDING:g}, which is rounding"
    if len(bounds) < context_length:
        return _tile(title, shown, "", None)
    bound = bounds[context_length - 1]
    certified = measured.rate is not None and measured.rate < 1
    limit = f"at most {bound:.2g} by the theorem" if math.isfinite(bound) else "the theorem knows no limit"
    return _tile(title, shown, limit, certified)


def _tile(title: str, value: str, note: str, good: bool | None) -> str:
    # The words say what the colour says: nothing is told by colour alone.
    edge = "var(--jp-border-color1, #bdbdbd)" if good is None else GREEN if good else AMBER
    return (
        f'<div style="flex:1 1 12em;border:1px solid var(--jp-border-color2, #ccc);border-left:4px solid {edge};'
        'border-radius:4px;padding:2px 8px;line-height:1.3">'
        f'<div style="font-size:.85em;opacity:.8">{escape(title)}</div>'
        f'<div style="font-size:1.2em;font-variant-numeric:tabular-nums">{escape(value)}</div>'
        f'<div style="font-size:.85em;opacity:.8">{escape(note)}</div></div>'
    )
