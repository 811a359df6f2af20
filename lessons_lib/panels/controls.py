"""A number one can drag, type and switch off; and how to take widgets away again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets as widgets

from lessons_lib.panels.numbers import read_number, written

NUMBER_WIDTH = "5.5em"


@dataclass(frozen=True)
class Knob:
    """One number to turn: an integer one where ``low``, ``value`` and ``step`` are integers.

    With a ``switch``, the words beside it, it may be absent: None.  On a logarithmic scale ``step`` is the exponent's.
    """

    label: str
    tooltip: str
    low: float
    high: float
    value: float | None
    step: float = 1
    switch: str | None = None
    logarithmic: bool = False

    @property
    def integer(self) -> bool:
        numbers = (self.low, self.high, self.step, *([] if self.value is None else [self.value]))
        return all(isinstance(number, int) for number in numbers)


class NumberControl(widgets.VBox):
    """A slider and a number box for one number, with a switch where the number may be absent.

    What is typed into the box and cannot be the number is refused in a line below; the number stays.

    Args:
        label: short, shown before the slider.
        tooltip: the long text, for the pointer and for screen readers.
        low, high: ends of the range.
        step: of the slider; on a logarithmic slider, of the exponent.
        value: at the start; None: switched off, standing at ``high``.
        on_change: called with the new number, or None when switched off. Only what the learner does is told,
            not what :meth:`show` sets. It must return at once: it runs in whatever thread serves the widgets.
        integer, logarithmic: kind of the number; logarithmic values are rounded to two digits.
        switch: label of the switch, e.g. ``"bounded"``; None: the number is always there.
    """

    def __init__(
        self,
        label: str,
        tooltip: str,
        *,
        low: float,
        high: float,
        step: float,
        value: float | None,
        on_change: Callable[[Any], object],
        integer: bool = False,
        logarithmic: bool = False,
        switch: str | None = None,
    ) -> None:
        self._low, self._high, self._integer, self._logarithmic = low, high, integer, logarithmic
        self._on_change, self._showing = on_change, False
        self._number = self._exact(high if value is None else value)
        # Seven digits of a logarithm tell nobody anything: the box beside it holds the number.
        about: dict[str, Any] = {"value": self._number, "tooltip": tooltip, "readout": False, "description": label}
        about["layout"] = widgets.Layout(flex="1 1 auto", width="auto", min_width="7em")
        if logarithmic:
            exponents = {"min": math.log10(low), "max": math.log10(high), "step": step}
            self.slider: Any = widgets.FloatLogSlider(**about, **exponents)
            self.slider.add_class("lessons-logarithmic")
        else:
            kind = widgets.IntSlider if integer else widgets.FloatSlider
            self.slider = kind(**about, min=low, max=high, step=step)
        self.slider.style.description_width = "initial"
        small = widgets.Layout(flex="0 0 auto", width=NUMBER_WIDTH)
        # Told when the learner is done, by Enter or by leaving the box.
        self.box = widgets.Text(written(self._number), tooltip=tooltip, continuous_update=False, layout=small)
        self._refusal = widgets.HTML(layout=widgets.Layout(display="none"))
        self._refusal.add_class("lessons-status")
        self._switch: widgets.Checkbox | None = None
        row = [self.slider, self.box]
        if switch is not None:
            layout = widgets.Layout(width="auto", flex="0 0 auto")
            self._switch = widgets.Checkbox(
                value=value is not None, description=switch, tooltip=tooltip, indent=False, layout=layout
            )
            self._switch.observe(self._switched, "value")
            row.insert(0, self._switch)
        self.slider.observe(self._moved, "value")
        self.box.observe(self._typed, "value")
        one_line = widgets.HBox(row, layout=widgets.Layout(align_items="center", overflow="hidden"))
        super().__init__([one_line, self._refusal], layout=widgets.Layout(margin="0", overflow="hidden"))
        self.add_class("lessons-number")
        self._locked = False
        self._enable()

    @classmethod
    def of(cls, knob: Knob, value: float | None, on_change: Callable[[Any], object]) -> NumberControl:
        """The control of a knob, standing at ``value``."""
        ends: dict[str, Any] = {"low": knob.low, "high": knob.high, "step": knob.step, "value": value}
        kind: dict[str, Any] = {"integer": knob.integer, "logarithmic": knob.logarithmic, "switch": knob.switch}
        return cls(knob.label, knob.tooltip, **ends, **kind, on_change=on_change)

    @property
    def on(self) -> bool:
        """Whether there is a number at all."""
        return self._switch is None or self._switch.value

    @property
    def value(self) -> float | None:
        """The number, or None when switched off."""
        return self._number if self.on else None

    def type(self, text: str) -> None:
        """What typing this into the box and pressing Enter does."""
        self.box.value = text

    def lock(self, locked: bool) -> None:
        """Let nobody move the number, or let them."""
        self._locked = locked
        self._enable()

    def show(self, value: float | None) -> None:
        """Stand at ``value`` (None: off) without telling anyone."""
        self._showing = True
        try:
            if self._switch is not None:
                self._switch.value = value is not None
            # Standing at the high end, a bound that is switched on changes nothing until it is pulled.
            self._stand(self._exact(self._high if value is None else value))
        finally:
            self._showing = False

    def aim(
        self, label: str, tooltip: str, *, low: float, high: float, step: float, value: float | None, switch: str
    ) -> None:
        """Become the control of another number, switched or not, without telling anyone; arguments as at the start.

        Not for integer or logarithmic numbers, nor for a control without a switch.
        """
        self._showing, self._low, self._high = True, low, high
        try:
            self.slider.max = max(self.slider.max, high)  # first, so that neither end ever passes the other
            self.slider.min, self.slider.step = low, step
            self.slider.value = high if value is None else value
            self.slider.max, self.slider.description = high, label
            self.slider.tooltip = self.box.tooltip = tooltip
            if self._switch is not None:
                self._switch.description, self._switch.tooltip = switch, tooltip
        finally:
            self._showing = False
        self.show(value)

    def _moved(self, change: Any) -> None:
        # A logarithmic slider gives 1.1220184543: the box rounds it, and the handle stays where the learner put it.
        value = self._rounded(change["new"])
        if not self._showing and value != self._number:
            self._number = value
            self._tell(value)  # before the box is redrawn: a training step may be waiting for it
            self._stand(value, slider=False)

    def _typed(self, change: Any) -> None:
        if change["new"] == written(self._number):
            return
        try:
            value = self._exact(read_number(change["new"], self._low, self._high, integer=self._integer))
        except ValueError as refusal:
            self._refuse(f"{refusal}: still {written(self._number)}.")
            self.box.value = written(self._number)
            return
        if value != self._number:
            self._number = value
            self._tell(value)
        self._stand(value)

    def _stand(self, value: float, *, slider: bool = True) -> None:
        """Show ``value`` in the box, and on the slider too, without telling anyone."""
        told, self._showing = self._showing, True
        self._number = value
        self._refuse("")
        self.box.value = written(value)
        if slider and self._rounded(self.slider.value) != value:
            self.slider.value = value
        self._showing = told

    def _refuse(self, line: str) -> None:
        self._refusal.value = f"<b>{escape(line)}</b>" if line else ""
        self._refusal.layout.display = "" if line else "none"

    def _rounded(self, value: float) -> float:
        return float(f"{value:.2g}") if self._logarithmic else self._exact(value)

    def _exact(self, value: float) -> float:
        return round(value) if self._integer else round(value, 9)  # 0.1 + 2 x 0.1 is 0.3 to its reader

    def _switched(self, _: Any) -> None:
        self._enable()
        self._tell(self.value)

    def _enable(self) -> None:
        self.slider.disabled = self.box.disabled = self._locked or not self.on

    def _tell(self, value: float | None) -> None:
        if not self._showing:
            self._on_change(value)


class ChoiceControl(widgets.HBox):
    """A row of named buttons, one of which is down.

    Args:
        label, tooltip: as for a number.
        options: the names.
        value: the one that is down at the start.
        on_change: called with the name that the learner chose.
    """

    def __init__(
        self, label: str, tooltip: str, options: tuple[str, ...], value: str, on_change: Callable[[str], object]
    ) -> None:
        self.buttons = widgets.ToggleButtons(
            options=options,
            value=value,
            description=label,
            tooltips=[tooltip] * len(options),
            style={"button_width": "auto", "description_width": "initial"},
        )
        self.buttons.observe(lambda change: on_change(change["new"]), "value")
        super().__init__([self.buttons])

    def lock(self, locked: bool) -> None:
        """Let nobody choose, or let them."""
        self.buttons.disabled = locked


def close_all(root: widgets.Widget) -> None:
    """Close a widget with everything it holds: closing a box alone would leave its children behind."""
    for widget in list(_family(root)):
        widget.close()


def _family(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    yield widget
    for name in ("layout", "style"):
        if isinstance(part := getattr(widget, name, None), widgets.Widget):
            yield part
    for child in getattr(widget, "children", ()):
        yield from _family(child)
