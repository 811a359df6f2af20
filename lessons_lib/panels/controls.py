"""A number one can drag, type and switch off; and how to take widgets away again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as widgets

NUMBER_WIDTH = "5.5em"


class NumberControl(widgets.HBox):
    """A slider and a number box for one number, with a switch where the number may be absent.

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
        start = high if value is None else value
        common: dict[str, Any] = {"value": int(start) if integer else start, "tooltip": tooltip}
        ends = {"min": low, "max": high, "step": step}
        wide = {"layout": widgets.Layout(flex="1 1 auto", width="auto", min_width="8em")}
        small = {"layout": widgets.Layout(flex="0 0 auto", width=NUMBER_WIDTH)}
        # Seven digits of a logarithm tell nobody anything: the box beside it holds the number.
        common_slider = common | wide | {"readout": False, "description": label}
        if integer:
            self.slider: Any = widgets.IntSlider(**common_slider, **ends)
            self.number: Any = widgets.BoundedIntText(**common, **ends, **small)
        elif logarithmic:
            exponents = {"min": math.log10(low), "max": math.log10(high), "step": step}
            self.slider = widgets.FloatLogSlider(**common_slider, **exponents)
            self.number = widgets.BoundedFloatText(**common, min=low, max=high, step=low, **small)
        else:
            self.slider = widgets.FloatSlider(**common_slider, **ends)
            self.number = widgets.BoundedFloatText(**common, **ends, **small)
        self.slider.style.description_width = "initial"
        self._switch: widgets.Checkbox | None = None
        children = [self.slider, self.number]
        if switch is not None:
            layout = widgets.Layout(width="auto", flex="0 0 auto")
            self._switch = widgets.Checkbox(
                value=value is not None, description=switch, tooltip=tooltip, indent=False, layout=layout
            )
            self._switch.observe(self._switched, "value")
            children.insert(0, self._switch)
        self._on_change, self._showing, self._logarithmic = on_change, False, logarithmic
        self.slider.observe(self._moved, "value")
        self.number.observe(self._typed, "value")
        super().__init__(children, layout=widgets.Layout(align_items="center", margin="0", overflow="hidden"))
        self._enable()

    @property
    def on(self) -> bool:
        """Whether there is a number at all."""
        return self._switch is None or self._switch.value

    @property
    def value(self) -> float | None:
        """The number, or None when switched off."""
        return self.number.value if self.on else None

    def lock(self, locked: bool) -> None:
        """Let nobody move the number, or let them."""
        self.slider.disabled = self.number.disabled = locked

    def show(self, value: float | None) -> None:
        """Stand at ``value`` (None: off) without telling anyone."""
        self._showing = True
        try:
            if self._switch is not None:
                self._switch.value = value is not None
            # Standing at the high end, a bound that is switched on changes nothing until it is pulled.
            self.number.value = self.slider.value = self.slider.max if value is None else value
        finally:
            self._showing = False

    def aim(
        self, label: str, tooltip: str, *, low: float, high: float, step: float, value: float | None, switch: str
    ) -> None:
        """Become the control of another number, switched or not, without telling anyone; arguments as at the start.

        Not for integer or logarithmic numbers, nor for a control without a switch.
        """
        self._showing = True
        try:
            for part in (self.slider, self.number):
                part.max = max(part.max, high)  # first, so that neither end ever passes the other
                part.min, part.step, part.tooltip = low, step, tooltip
                part.value = high if value is None else value
                part.max = high
            self.slider.description = label
            if self._switch is not None:
                self._switch.description, self._switch.tooltip = switch, tooltip
        finally:
            self._showing = False
        self.show(value)

    def _moved(self, change: Any) -> None:
        # A logarithmic slider gives 1.1220184543: the box rounds it, and the handle stays where the learner put it.
        value = self._rounded(change["new"])
        if self._rounded(self.number.value) != value:
            self._tell(value)  # before the box is redrawn: a training step may be waiting for it
            self._follow(self.number, value)

    def _typed(self, change: Any) -> None:
        self._tell(change["new"])
        if self._rounded(self.slider.value) != change["new"]:
            self._follow(self.slider, change["new"])

    def _follow(self, other: Any, value: float) -> None:
        told, self._showing = self._showing, True
        other.value = value
        self._showing = told

    def _rounded(self, value: float) -> float:
        # Also 0.1 + 2 x 0.1 is 0.3 to its reader.
        return float(f"{value:.2g}") if self._logarithmic else round(value, 9)

    def _switched(self, _: Any) -> None:
        self._enable()
        self._tell(self.value)

    def _enable(self) -> None:
        self.slider.disabled = self.number.disabled = not self.on

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
