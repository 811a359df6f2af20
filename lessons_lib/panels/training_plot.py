"""The live picture of a training run: loss, singular values, gradient by lag, truncation error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lessons_lib.figures import style_of
from lessons_lib.panels.live_plot import LivePlot, Samples
from lessons_lib.runs import Change, Measurements, Run

SET_BY_YOU = "#d0508f"  # what the learner sets, wherever it is drawn: λ, k, and when they moved
MOST_MARKS = 12
MARK_ROWS = 4  # neighbouring labels stand below each other
SMALLEST = 1e-12
ROUNDING = 1e-6  # float32 logits computed in two ways agree no better: below it neither error nor bound is news

TITLES = {
    "loss": "Loss, in nats per token",
    "spectrum": "Singular values of the recurrent matrix",
    "gradient": "Gradient by lag, relative to lag 0",
    "error": "Error from forgetting all but the last tokens",
}
X_TITLES = {
    "loss": "step",
    "spectrum": "rank",
    "gradient": "lag (tokens back)",
    "error": "context length (tokens)",
}


class TrainingPlot(LivePlot):
    """A :class:`LivePlot` that reads a run's history.

    It draws what the run's probe measures, and leaves out what it does not: held-out loss, singular values, gradient
    by lag, truncation error beside its bound, and the accuracy as a level beside them.
    """

    def __init__(self, levels: Mapping[str, float] | None = None) -> None:
        super().__init__(_traces(), {name: _layout(name) for name in TITLES}, alt="Nothing to see yet: press Play.")
        self._levels = _levels(levels or {})
        self._resets = -1

    def show(self, run: Run) -> None:
        """Add what the run's history holds beyond what is drawn already."""
        if run.resets != self._resets:
            self._resets = run.resets
            self._drawn = {"steps": 0, "twin_steps": 0, "probes": 0}
            self._bound: Any = None
            self.clear()
        probes = self._new(run, "probes")
        append: dict[str, Samples] = {
            "loss": self._new(run, "steps", "loss"),
            "twin": self._new(run, "twin_steps", "twin_loss"),
        }
        replace: dict[str, Samples] = {}
        if probes:
            held_out = [(step, found.held_out_loss) for step, found in probes if found.held_out_loss is not None]
            append["held_out_loss"] = ([step for step, _ in held_out], [loss for _, loss in held_out])
            replace = _profiles(probes[-1][1])
            self.alt = in_words(run)
        bound, ranks = run.settings.stable_set.largest_singular_value, len(self.curves["singular_values"])
        if (bound, ranks) != self._bound and ranks:
            self._bound = bound, ranks
            replace["bound"] = ([], []) if bound is None else ([1, ranks], [bound, bound])
        self.draw(append=append, replace=replace, layouts=self._marked(run))

    def _new(self, run: Run, counted: str, *others: str) -> Any:
        """What these lists of the history hold beyond what is drawn; ``counted`` grows last."""
        lists = [getattr(run.history, name) for name in (counted, *others)]
        start, end = self._drawn[counted], len(lists[0])
        self._drawn[counted] = end
        new = [entries[start:end] for entries in lists]
        return tuple(new) if others else new[0]

    def _marked(self, run: Run) -> dict[str, dict[str, Any]]:
        """What follows the settings: the line of k, and a mark on the loss wherever a setting changed."""
        length = run.settings.truncation_length
        drawn = [(length, f"k = {length}", 0)] if len(self.curves["gradient_by_lag"]) > length else []
        loss = _uprights(marks(run.history.changes))
        return {
            "loss": {name: [*entries, *self._levels[name]] for name, entries in loss.items()},
            "gradient": _uprights(drawn),
        }


def _profiles(measured: Measurements) -> dict[str, Samples]:
    """The curves that a probe replaces whole."""
    curves: dict[str, Samples] = {}
    if measured.singular_values is not None:
        values = np.asarray(measured.singular_values, dtype=float)
        curves["singular_values"] = (np.arange(1, len(values) + 1), values)
    if measured.gradient_by_lag is not None:
        norms = np.asarray(measured.gradient_by_lag, dtype=float)
        first = norms[0] if len(norms) and norms[0] > 0 else 1.0
        curves["gradient_by_lag"] = (np.arange(len(norms)), _positive(norms / first))
    errors, bounds = measured.truncation_error, measured.truncation_bound
    for name, numbers in (("truncation_error", errors), ("truncation_bound", bounds)):
        if numbers is not None:
            values = np.asarray(numbers, dtype=float)
            curves[name] = (np.arange(1, len(values) + 1), _positive(values, ROUNDING))
    if measured.accuracy is not None and errors is not None:
        curves["accuracy"] = ([1, len(errors)], [measured.accuracy] * 2)
    return curves


def _positive(values: np.ndarray, smallest: float = SMALLEST) -> np.ndarray:
    return np.where(values > smallest, values, np.nan)


def marks(changes: Sequence[Change], together: int = 20) -> list[tuple[int, str, int]]:
    """(step, words, row) for the changes to be marked.

    Dragging a slider changes one setting at every step on the way: only where it came to rest is news, so changes of
    the same setting at most ``together`` steps apart are one.
    """
    rests: list[Change] = []
    for change in changes:
        if rests and rests[-1].name == change.name and change.step - rests[-1].step <= together:
            rests.pop()
        rests.append(change)
    # Numbered from the first one, so that a label keeps its row when an older mark goes.
    numbered = list(enumerate(rests))[-MOST_MARKS:]
    return [(one.step, _change_in_words(one.name, one.new), row % MARK_ROWS) for row, one in numbered]


def _change_in_words(name: str, new: Any) -> str:
    if name == "stable_set":
        return new.in_short()
    return {"truncation_length": "k", "learning_rate": "rate", "gradient_clip": "clip"}.get(name, name) + f" {new}"


def in_words(run: Run) -> str:
    """What the picture shows now, for those who cannot see it."""
    history = run.history
    said = [f"Four plots of a training run at step {run.step_count}."]
    if history.loss:
        said.append(f"Training loss {history.loss[-1]:.3g} nats per token, {history.loss[0]:.3g} at the start.")
    if history.twin_loss:
        said.append(f"The twin left alone: {history.twin_loss[-1]:.3g}.")
    measured = history.measured
    if measured.held_out_loss is not None:
        said.append(f"Held-out loss {measured.held_out_loss:.3g}.")
    if values := measured.singular_values:
        said.append(
            f"Singular values from {values[0]:.3g} down to {values[-1]:.3g}, {run.settings.stable_set.in_short()}."
        )
    if (norms := measured.gradient_by_lag) and norms[0] > 0:
        said.append(f"Gradient {len(norms) - 1} tokens back: {norms[-1] / norms[0]:.1e} of the latest one.")
    if errors := measured.truncation_error:
        said.append(f"Truncation error {errors[-1]:.1e} at context length {len(errors)}.")
    return " ".join(said)


def _traces() -> dict[str, dict[str, Any]]:
    rnn, windowed, theorem, alone = (style_of(name) for name in ("rnn", "windowed", "theorem", "left alone"))
    thin, thick = {"width": 1.4}, {"width": 2.4}
    yours = {"color": SET_BY_YOU, "dash": "dash", "width": 2}

    def trace(plot: str, name: str, mode: str = "lines", **rest: Any) -> dict[str, Any]:
        return {"plot": plot, "type": "scatter", "name": name, "mode": mode, "showlegend": True, **rest}

    return {
        "twin": trace("loss", "twin left alone", line=alone.line | thin),
        "loss": trace("loss", "training", line=rnn.line | thin, opacity=0.75),
        "held_out_loss": trace(
            "loss", "held out", "lines+markers", line={"color": rnn.colour, **thick}, marker={"size": 5}
        ),
        "singular_values": trace(
            "spectrum", "singular values", "markers", marker={"color": rnn.colour, "size": 5, "symbol": rnn.symbol}
        ),
        "bound": trace("spectrum", "bound λ", line=yours),
        "gradient_by_lag": trace("gradient", "gradient norm", line=rnn.line | thick),
        "accuracy": trace("error", "ε", line=style_of("baseline").line | thin),
        "truncation_bound": trace("error", "theorem", line=theorem.line | thick),
        "truncation_error": trace("error", "measured", line=windowed.line | thick),
    }


def _layout(plot: str) -> dict[str, Any]:
    axis = {
        "showline": True,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "nticks": 6,
        "exponentformat": "power",
        "tickfont": {"size": 11},
    }
    # Plotly draws powers of ten a quarter larger than it is told.
    logarithmic = {"type": "log", "tickfont": {"size": 9}} if plot in ("gradient", "error") else {}
    from_zero = {"rangemode": "tozero"} if plot == "spectrum" else {}
    return {
        "height": 290,
        "margin": {"l": 52, "r": 8, "t": 46, "b": 40},
        "font": {"family": "system-ui, sans-serif", "size": 12},
        "title": {
            "text": f"<b>{TITLES[plot]}</b>",
            "font": {"size": 12},
            **{"x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top"},
            "pad": {"t": 8},
        },
        # One line between the title and the axes: nothing is ever drawn there.
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"size": 11}},
        "hovermode": "closest",
        "uirevision": "kept",  # a learner's zoom survives the next frame
        "xaxis": {**axis, "title": {"text": X_TITLES[plot], "standoff": 6, "font": {"size": 12}}},
        "yaxis": {**axis, **logarithmic, **from_zero},
    }


def _uprights(places: Sequence[tuple[float, str, int]]) -> dict[str, Any]:
    """Labelled vertical lines, each label in its row from the top."""
    line = {"type": "line", "y0": 0, "y1": 1, "yref": "y domain"}
    stroke = {"color": SET_BY_YOU, "dash": "dash", "width": 1.5}
    word = {"yref": "y domain", "xanchor": "left", "yanchor": "top", "xshift": 2, "showarrow": False}
    return {
        "shapes": [{**line, "x0": x, "x1": x, "line": stroke} for x, _, _ in places],
        "annotations": [{**word, "x": x, "y": 1 - 0.09 * row, "text": text} for x, text, row in places],
    }


def _levels(levels: Mapping[str, float]) -> dict[str, Any]:
    """Labelled horizontal lines on the loss: what is best possible, what a simple model reaches."""
    style = style_of("baseline")
    line = {"type": "line", "x0": 0, "x1": 1, "xref": "x domain", "line": style.line | {"width": 1.5}}
    word = {"x": 1, "xref": "x domain", "xanchor": "right", "yanchor": "bottom", "showarrow": False}
    return {
        "shapes": [{**line, "y0": level, "y1": level} for level in levels.values()],
        "annotations": [{**word, "y": level, "text": name} for name, level in levels.items()],
    }
