"""Numbers as people type and read them."""

from __future__ import annotations

import math


def read_number(typed: str, low: float, high: float, *, integer: bool = False) -> float:
    """The number that was typed; a comma may stand for the decimal point.

    Raises:
        ValueError: no number, none between ``low`` and ``high``, or no whole one: one line for the reader.
    """
    text = "".join(typed.split()).replace("−", "-")
    if text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not text or math.isnan(value):
        raise ValueError(f"“{typed.strip()}” is not a number")
    if integer and math.isfinite(value) and value != round(value):
        raise ValueError(f"{typed.strip()} is not a whole number")
    if not low <= value <= high:
        raise ValueError(f"{typed.strip()} is outside the range from {written(low)} to {written(high)}")
    return round(value) if integer else value


def written(value: float) -> str:
    """A number in as few characters as say it: 35, 0.9, 0.025."""
    return f"{value:.9g}"
