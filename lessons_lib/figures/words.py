"""A figure in words: what a reader who cannot see it needs to know, in two or three sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import plotly.graph_objects as go

MOST_TRACES = 8


def describe(figure: go.Figure) -> str:
    """Alt text: the title, the axes with their units, and where each curve starts, ends and how it moves.

    A drawing that is not a plot of numbers carries its own words, written by the function that drew it.
    """
    drawing = (figure.layout.meta or {}).get("drawing")
    if drawing:
        return f"{_plain(figure.layout.title.text or 'Figure').rstrip('.:')}. {drawing}"
    named = [trace for trace in figure.data if trace.name and trace.hoverinfo != "skip"]
    parts = [_trace_in_words(trace) for trace in named[:MOST_TRACES]]
    if len(named) > MOST_TRACES:
        parts.append(f"and {len(named) - MOST_TRACES} more curves")
    marks = [_plain(note.text) for note in figure.layout.annotations if note.text]
    sentences = [_plain(figure.layout.title.text or "Figure").rstrip(".:"), _axes_in_words(figure)]
    if parts:
        sentences.append("; ".join(parts))
    if marks:
        sentences.append(f"Marked: {', '.join(marks)}")
    return ". ".join(sentence for sentence in sentences if sentence) + "."


def rounded(values: Iterable[Any], digits: int = 4) -> list[Any]:
    """Plain Python numbers with ``digits`` significant digits: small when stored, the same on every run.

    Tensors and arrays are welcome; anything that is not a finite number becomes None (a gap in the curve).
    """
    return [_round(value, digits) for value in listed(values)]


def listed(values: Any) -> list[Any]:
    """A list of what a list, tuple, range, array or tensor holds."""
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _round(value: Any, digits: int) -> Any:
    if isinstance(value, str) or value is None:
        return value
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number == int(number) and abs(number) < 1e9 else float(f"{number:.{digits}g}")


def _axes_in_words(figure: go.Figure) -> str:
    words = []
    for name, axis in (("Across", figure.layout.xaxis), ("up", figure.layout.yaxis)):
        if axis.title.text:
            words.append(f"{name}: {_plain(axis.title.text)}{' (log scale)' if axis.type == 'log' else ''}")
    return ", ".join(words)


def _trace_in_words(trace: Any) -> str:
    name = _plain(trace.name)
    if trace.type == "heatmap":
        cells = [value for row in trace.z for value in row if value is not None]
        return f"{name}: {len(trace.z)} by {len(trace.z[0])} cells from {min(cells):.3g} to {max(cells):.3g}"
    ys = [y for y in (trace.y if trace.y is not None else ()) if isinstance(y, (int, float))]
    if not ys:
        return f"{name}: empty so far"
    if trace.type == "bar" or trace.mode == "markers":
        labels = list(trace.x) if trace.x is not None else []
        if len(ys) == 1:
            return f"{name}: {ys[0]:.3g}"
        if len(labels) == len(ys) <= MOST_TRACES and all(isinstance(label, str) for label in labels):
            return f"{name}: " + ", ".join(f"{label} {y:.3g}" for label, y in zip(labels, ys, strict=True))
    if len(set(ys)) == 1:
        return f"{name} stays at {ys[0]:.3g}"
    words = f"{name} goes from {ys[0]:.3g} to {ys[-1]:.3g}"
    low, high = min(ys), max(ys)
    turns = [f"lowest {low:.3g}"] if low < min(ys[0], ys[-1]) else []
    turns += [f"highest {high:.3g}"] if high > max(ys[0], ys[-1]) else []
    return words + (f" ({', '.join(turns)})" if turns else "")


def _plain(text: str) -> str:
    """Without plotly's markup for bold, line breaks, subscripts."""
    for tag in ("<b>", "</b>", "<i>", "</i>", "<sub>", "</sub>", "<sup>", "</sup>"):
        text = text.replace(tag, "")
    return text.replace("<br>", " ")
