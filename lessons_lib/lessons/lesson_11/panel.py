"""Twins training live: how far a model and its truncations drift apart, steered by λ and k."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as widgets

from lessons_lib.checks import Question
from lessons_lib.figures import Style, ordered_style, style_of
from lessons_lib.lessons.lesson_11 import experiment as twins
from lessons_lib.panels.controls import NumberControl
from lessons_lib.panels.live_plot import LivePlot
from lessons_lib.panels.panel import PlayerPanel
from lessons_lib.panels.transport import action
from lessons_lib.stability import SpectralBall, Unconstrained
from lessons_lib.training import Mailbox

STARTS = {  # name: gain of the orthogonal W, bound
    "stable": (twins.STABLE_RATE, twins.STABLE_RATE),
    "unstable": (twins.UNSTABLE_GAIN, None),
}
COMPARED = twins.COMPARED  # the k's that are always there
SMALLEST = 1e-12
LONG = 500  # steps: at normal speed close to a minute, long enough to be steered
PLACES = {5: 1, 20: 3}  # in the order of colours, of which the first is the RNN's
MEAN = 20  # steps over which the losses are averaged: a batch of 32 windows tells little


class TwinsPanel(PlayerPanel):
    """The relative weight gap of twins, step by step, for k = 5, 20 and a k of the learner's.

    λ acts on the next step; a new k or a new start begins again.  The panel of the same name is replaced.

    Args:
        prediction: a question to be answered first: until then Play is locked.
        outcome: what a record shows about the bet, asked at every step until it is one of the options.
        name: identifies the panel.
        steps: steps of a whole run.
        seed: of the start and the data.
    """

    def __init__(
        self,
        *,
        prediction: Question | None = None,
        outcome: Callable[[twins.TwinRecord], str | None] | None = None,
        name: str = "twins",
        steps: int = LONG,
        seed: int = 0,
    ) -> None:
        self.steps, self.seed, self._outcome = steps, seed, outcome
        self._recent: deque[twins.TwinRecord] = deque(maxlen=MEAN)
        self._start = "stable"
        self._record: twins.TwinRecord | None = None
        self.plot = LivePlot(_traces(), _layouts(steps), alt="Nothing to see yet: press Play.")
        self.bound = NumberControl(
            "λ",
            "Spectral bound λ: after every step both twins' singular values are clipped at λ.",
            low=0.05,
            high=2.5,
            step=0.05,
            value=twins.STABLE_RATE,
            on_change=self._set_bound,
            switch="projected",
        )
        self.context = NumberControl(
            "your k",
            "Context length k of your own truncation. A new k begins again.",
            low=1,
            high=twins.STEPS - 1,
            step=1,
            integer=True,
            value=10,
            on_change=lambda _: self.reset(),
        )
        self._mailbox = Mailbox(twins.settings(self.bound.value))
        self.starts = {
            "stable": action(".8 × orthogonal, projected", "", "Begin again, stable", lambda: self.begin("stable")),
            "unstable": action("2 × orthogonal, free", "", "Begin again, unstable", lambda: self.begin("unstable")),
        }
        tooltips = (
            "Train the twins, from the start or from a pause",
            "Finish the step in hand, then wait",
            "Begin again from the same first weights",
        )
        super().__init__(self._twins, self._draw, tooltips, name=name, prediction=prediction, speed="normal")

    @property
    def settings(self) -> twins.Settings:
        """What the next step will use."""
        return self._mailbox.settings

    def begin(self, start: str) -> None:
        """Begin again from one of the two starts, with its own bound."""
        self._start = start
        self.bound.show(STARTS[start][1])
        self.reset()

    def reset(self) -> None:
        """Begin again from the same first weights, with the λ and the k that the controls show."""
        self.player.reset()
        self._mailbox = Mailbox(twins.settings(self.bound.value))
        self._record = None
        self._recent.clear()
        self.plot.clear()
        self._show_state()

    def _rows(self) -> list[widgets.Widget]:
        wrap = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "0 10px"}
        label = widgets.HTML("Start from", layout=widgets.Layout(margin="2px 4px"))
        buttons = [*self.transport(), label, *self.starts.values()]
        steering = widgets.Box(buttons, layout=widgets.Layout(**wrap))
        columns = {"grid_template_columns": "repeat(auto-fit, minmax(20em, 1fr))", "grid_gap": "0 16px"}
        sliders = widgets.GridBox([self.bound, self.context], layout=widgets.Layout(**columns))
        return [*self._question(), steering, sliders, self._said, self.plot]

    def _set_bound(self, bound: float | None) -> None:
        self._mailbox.update(stable_set=Unconstrained() if bound is None else SpectralBall(bound))

    # -- in the player's thread -------------------------------------------------------------------------------

    def _twins(self) -> Iterator[twins.TwinRecord]:
        model, windows = twins.beginning(self.seed, gain=STARTS[self._start][0])
        contexts = sorted({*COMPARED, int(self.context.value or 1)})
        return twins.twins(model, windows, contexts, self._mailbox, steps=self.steps)

    def _draw(self, record: twins.TwinRecord) -> None:
        self._record = record
        self._recent.append(record)
        shown = {f"k = {k}": k for k in COMPARED} | {"yours": int(self.context.value or 1)}
        gaps = {
            name: ([record.step], [max(record.relative_gap[k], SMALLEST)])
            for name, k in shown.items()
            if k in record.relative_gap
        }
        losses = {
            f"loss, {name}": ([record.step], [self._mean_loss(k)])
            for name, k in {"recurrent": None, **shown}.items()
            if k in record.losses
        }
        self.plot.draw(append=gaps | losses)
        if self.prediction and self._outcome and self.prediction.outcome is None:
            self.prediction.settle(self._outcome(record))
        self._show_state()

    def _mean_loss(self, k: int | None) -> float:
        losses = [record.losses[k] for record in self._recent]
        return sum(losses) / len(losses)

    def _words(self) -> str:
        return "" if self._record is None else in_words(self._record, int(self.context.value or 1))


def in_words(record: twins.TwinRecord, context_length: int) -> str:
    """Where the twins stand, in two sentences: the gap, and what the theorem has to say."""
    k = context_length if context_length in record.relative_gap else COMPARED[0]
    exponent = record.log10_bound[k]
    if exponent == float("inf"):
        theorem = "The theorem has no bound: λ is not below 1."
    elif record.says_something(k):
        theorem = f"The theorem's bound on the gap itself, {record.weight_gap[k]:.1e}, is 10^{exponent:.1f}."
    else:
        theorem = f"The theorem's bound is 10^{exponent:.0f}: it says nothing here."
    return f"Step {record.step}: relative weight gap {record.relative_gap[k]:.2g} at k = {k}. {theorem}"


def _traces() -> dict[str, dict[str, Any]]:
    def curve(plot: str, label: str, style: Style) -> dict[str, Any]:
        marker = {"size": 5, "color": style.colour}
        return {"type": "scatter", "plot": plot, "mode": "lines", "name": label, "line": style.line, "marker": marker}

    styles = {f"k = {k}": ordered_style(PLACES[k]) for k in COMPARED} | {"yours": ordered_style(4)}
    labels = {name: "your k" if name == "yours" else name for name in styles}
    return {
        **{name: curve("gap", labels[name], style) for name, style in styles.items()},
        "loss, recurrent": curve("loss", "recurrent", style_of("rnn")),
        **{f"loss, {name}": curve("loss", labels[name], style) for name, style in styles.items()},
    }


def _layouts(steps: int) -> dict[str, dict[str, Any]]:
    # A decade at least: gaps of 0.999 and 1 must not look apart.
    decade = {"type": "log", "autorangeoptions": {"include": [0.1, 1]}}
    return {
        "gap": _layout("How far apart the twins are", "weight gap, relative to the way gone", steps, **decade),
        "loss": _layout("What they have learned", f"loss (nats), mean of {MEAN} steps", steps),
    }


def _layout(title: str, y: str, steps: int, **y_axis: Any) -> dict[str, Any]:
    small = {"size": 12}
    return {
        "height": 300,
        "margin": {"l": 60, "r": 12, "t": 56, "b": 40},
        "title": {"text": title, "x": 0, "xref": "container", "font": {"size": 14}},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"size": 11}},
        "showlegend": True,
        "xaxis": {"title": {"text": "step", "font": small}, "range": [0, steps + 1]},
        "yaxis": {"title": {"text": y, "font": small}, "exponentformat": "power", **y_axis},
    }
