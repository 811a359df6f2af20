"""What the tables of the playground are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lessons_lib.panels import Knob


@dataclass(frozen=True)
class Entry:
    """A line of a table: what it is in a sentence, what builds it, and the numbers that this takes, by argument.

    ``upload``: ``build`` takes a text of one's own first.  ``optimizer``: what trains such a model well.
    """

    says: str
    build: Callable[..., Any] = field(repr=False)
    knobs: Mapping[str, Knob] = field(default_factory=dict)
    upload: bool = False
    optimizer: str = "Adam"


Table = Mapping[str, Entry]


@dataclass(frozen=True)
class Line:
    """A line that was chosen, by its name in the table, and its numbers."""

    name: str
    numbers: Mapping[str, Any]


def usual(table: Table, name: str) -> Line:
    """A line with the numbers that it begins with."""
    return Line(name, {argument: knob.value for argument, knob in table[name].knobs.items()})


def smallest(table: Table, name: str) -> Line:
    """A line with its numbers at their low ends."""
    return Line(name, {argument: knob.low for argument, knob in table[name].knobs.items()})
