"""The live picture of a training run: loss, singular values, gradient by lag, truncation error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lessons_lib.figures import style_of
from lessons_lib.panels.live_plot import LivePlot, Samples
from lessons_lib.runs import Change, Run
from lessons_lib.stability import LSTMStableSet, SpectralBall, StableSet, Unconstrained
from lessons_lib.training import Settings

SET_BY_YOU = "#d0508f"  # what the learner sets, wherever it is drawn: λ, k, and when they moved
MOST_MARKS = 12
SMALLEST = 1e-12  # float32 knows nothing of smaller differences

TITLES = {
    "loss": "Loss, in nats per token",
    "spectrum": "Singular values of the recurrent matrix",
    "gradient": "Gradient by lag, relative to lag 0",
    "error": "Error of forgetting all but the last tokens",
}
X_TITLES = {"loss": "step", "spectrum": "rank", "gradient": "lag (tokens back)", "error": "context length (tokens)"}
AXES = {"loss": "", "spectrum": "2", "gradient": "3", "error": "4"}
WIDE = {
    "loss": ((0, 0.46), (0.6, 1)),
    "spectrum": ((0.56, 1), (0.6, 1)),
    "gradient": ((0, 0.46), (0, 0.4)),
    "error": ((0.56, 1), (0, 0.4)),
}
NARROW = {
    "loss": ((0, 1), (0.81, 1)),
    "spectrum": ((0, 1), (0.54, 0.73)),
    "gradient": ((0, 1), (0.27, 0.46)),
    "error": ((0, 1), (0, 0.19)),
}


class TrainingPlot(LivePlot):
    """A :class:`LivePlot` that reads a run's history.

    What a probe may measure, and where it is drawn; anything left out is not drawn:

    =====================
    ======================================================================================= ``held_out_loss``
    nats per token on text that is not trained on; ``twin_held_out_loss``: the twin's ``singular_values``
    of the recurrent matrix, largest first ``gradient_by_lag``    gradient norm 0, 1, 2, ... tokens back
    ``truncation_error``   measured difference of the outputs for context lengths 1, 2, 3, ...
    ``truncation_bound``   the theorem's bound on it ``accuracy``           ε, drawn as a level
    =====================
    =======================================================================================
    """

    def __init__(self) -> None:
        super().__init__(_traces(), _layout(WIDE, 580), narrow=_narrow(), alt="Nothing to see yet: press Play.")
        self._epoch = -1

    def show(self, run: Run) -> None:
        """Add what the run's history holds beyond what is drawn already."""
        if run.epoch != self._epoch:
            self._epoch = run.epoch
            self._steps = self._twin_steps = self._probes = 0
            self.clear()
        history = run.history
        steps, twin_steps = len(history.steps), len(history.twin_steps)
        append: dict[str, Samples] = {
            "loss": (history.steps[self._steps : steps], history.loss[self._steps : steps]),
            "twin": (
                history.twin_steps[self._twin_steps : twin_steps],
                history.twin_loss[self._twin_steps : twin_steps],
            ),
        }
        self._steps, self._twin_steps = steps, twin_steps
        replace: dict[str, Samples] = {}
        probes = history.probes[self._probes :]
        self._probes += len(probes)
        for step, measured in probes:
            for key in ("held_out_loss", "twin_held_out_loss"):
                if key in measured:
                    x, y = append.get(key, ([], []))
                    append[key] = ([*x, step], [*y, measured[key]])
        if probes:
            replace = _profiles(probes[-1][1], run.settings)
            self.alt = in_words(run)
        lags = len(self.curves["gradient_by_lag"])
        self.draw(append=append, replace=replace, layout=_annotated(run, lags, self.curves["singular_values"].x))


def _profiles(measured: dict[str, Any], settings: Settings) -> dict[str, Samples]:
    """The curves that a probe replaces whole."""
    curves: dict[str, Samples] = {}
    if "singular_values" in measured:
        values = np.asarray(measured["singular_values"], dtype=float)
        curves["singular_values"] = (np.arange(1, len(values) + 1), values)
    if "gradient_by_lag" in measured:
        norms = np.asarray(measured["gradient_by_lag"], dtype=float)
        first = norms[0] if len(norms) and norms[0] > 0 else 1.0
        curves["gradient_by_lag"] = (np.arange(len(norms)), _positive(norms / first))
    for key in ("truncation_error", "truncation_bound"):
        if key in measured:
            values = np.asarray(measured[key], dtype=float)
            curves[key] = (np.arange(1, len(values) + 1), _positive(values))
    if "accuracy" in measured and "truncation_error" in measured:
        curves["accuracy"] = ([1, len(measured["truncation_error"])], [measured["accuracy"]] * 2)
    bound = getattr(settings.stable_set, "bound", None)
    if "singular_values" in measured:
        ranks = len(measured["singular_values"])
        curves["bound"] = ([], []) if bound is None else ([1, ranks], [bound, bound])
    return curves


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(values > SMALLEST, values, np.nan)


def _annotated(run: Run, lags: int, ranks: Sequence[float]) -> dict[str, Any]:
    """Shapes and words that follow the settings: the lines of k and λ, and a mark at every change."""
    shapes, words = [], _headings(WIDE)
    length = run.settings.truncation_length
    if lags > length:
        shapes.append(_upright(length, "gradient"))
        words.append(_word(f"k = {length}", length, 1, "gradient"))
    for step, text, level in marks(run.history.changes):
        shapes.append(_upright(step, "loss"))
        words.append(_word(text, step, 1 - 0.09 * level, "loss"))
    return {"shapes": shapes, "annotations": words}


def marks(changes: Sequence[Change], together: int = 20) -> list[tuple[int, str, int]]:
    """(step, words, row) for the changes to be marked; what moved within a few steps is one change.

    Dragging a slider changes a setting at every step on the way: only where it came to rest is news.
    """
    merged: list[tuple[int, dict[str, Any]]] = []
    for change in changes:
        if merged and change.step - merged[-1][0] <= together:
            merged[-1] = (change.step, merged[-1][1] | {change.name: change.new})
        else:
            merged.append((change.step, {change.name: change.new}))
    latest = merged[-MOST_MARKS:]
    return [
        (step, ", ".join(_change_in_words(name, new) for name, new in news.items()), row % 4)
        for row, (step, news) in enumerate(latest)
    ]


def _change_in_words(name: str, new: Any) -> str:
    if name == "stable_set":
        return set_in_words(new)
    return {"truncation_length": "k", "learning_rate": "rate", "gradient_clip": "clip"}.get(name, name) + f" {new}"


def set_in_words(stable_set: StableSet) -> str:
    """As short as a mark on a curve must be."""
    if isinstance(stable_set, SpectralBall):
        return f"λ ≤ {stable_set.bound:g}"
    if isinstance(stable_set, LSTMStableSet):
        return f"forget ≤ {stable_set.forget_ceiling:g}"
    return "no bound" if isinstance(stable_set, Unconstrained) else stable_set.describe()


def in_words(run: Run) -> str:
    """What the picture shows now, for those who cannot see it."""
    history = run.history
    said = [f"Four plots of a training run at step {run.step_count}."]
    if history.loss:
        said.append(f"Training loss {history.loss[-1]:.3g} nats per token, {history.loss[0]:.3g} at the start.")
    if history.twin_loss:
        said.append(f"The twin left alone: {history.twin_loss[-1]:.3g}.")
    measured = history.probes[-1][1] if history.probes else {}
    if "held_out_loss" in measured:
        said.append(f"Held-out loss {measured['held_out_loss']:.3g}.")
    if len(values := measured.get("singular_values", ())):
        said.append(
            f"Singular values from {values[0]:.3g} down to {values[-1]:.3g}, {set_in_words(run.settings.stable_set)}."
        )
    if len(norms := measured.get("gradient_by_lag", ())) and norms[0] > 0:
        said.append(f"Gradient {len(norms) - 1} tokens back: {norms[-1] / norms[0]:.1e} of the latest one.")
    if len(errors := measured.get("truncation_error", ())):
        said.append(f"Truncation error {errors[-1]:.1e} at context length {len(errors)}.")
    return " ".join(said)


def _traces() -> dict[str, dict[str, Any]]:
    rnn, windowed, theorem, alone = (style_of(name) for name in ("rnn", "windowed", "theorem", "left alone"))
    thin, thick = {"width": 1.3}, {"width": 2.4}
    yours = {"color": SET_BY_YOU, "dash": "dash", "width": 2}

    def trace(plot: str, name: str, mode: str = "lines", **rest: Any) -> dict[str, Any]:
        axes = {"xaxis": f"x{AXES[plot]}", "yaxis": f"y{AXES[plot]}"}
        legend = {"legend": "legend2" if plot == "error" else "legend", "showlegend": plot in ("loss", "error")}
        return {"type": "scatter", "name": name, "mode": mode, **axes, **legend, **rest}

    return {
        "twin": trace("loss", "twin left alone", line=alone.line | thin),
        "loss": trace("loss", "training", line=rnn.line | thin, opacity=0.75),
        "twin_held_out_loss": trace("loss", "twin, held out", line=alone.line | thick),
        "held_out_loss": trace(
            "loss", "held out", "lines+markers", line={"color": rnn.colour, **thick}, marker={"size": 5}
        ),
        "bound": trace("spectrum", "bound λ", line=yours),
        "singular_values": trace(
            "spectrum", "singular values", "markers", marker={"color": rnn.colour, "size": 5, "symbol": rnn.symbol}
        ),
        "gradient_by_lag": trace("gradient", "gradient", line=rnn.line | thick),
        "accuracy": trace("error", "ε", line=style_of("baseline").line | thin),
        "truncation_bound": trace("error", "theorem", line=theorem.line | thick),
        "truncation_error": trace("error", "measured", line=windowed.line | thick),
    }


def _layout(places: dict[str, Any], height: int) -> dict[str, Any]:
    layout: dict[str, Any] = {
        "height": height,
        "margin": {"l": 58, "r": 14, "t": 30, "b": 44},
        "font": {"family": "system-ui, sans-serif", "size": 12},
        "hovermode": "closest",
        "uirevision": "kept",  # a learner's zoom survives the next frame
        "legend": _legend(places["loss"], "top", "right"),
        "legend2": _legend(places["error"], "bottom", "left"),
        "annotations": _headings(places),
    }
    for plot, (x, y) in places.items():
        axis = {"showline": True, "ticks": "outside", "ticklen": 4, "zeroline": False}
        layout[f"xaxis{AXES[plot]}"] = {
            **axis,
            "domain": list(x),
            "anchor": f"y{AXES[plot]}",
            "title": {"text": X_TITLES[plot], "standoff": 6},
        }
        layout[f"yaxis{AXES[plot]}"] = {
            **axis,
            "domain": list(y),
            "anchor": f"x{AXES[plot]}",
            "nticks": 6,
            "exponentformat": "power",
            **({"type": "log"} if plot in ("gradient", "error") else {}),
            **({"rangemode": "tozero"} if plot == "spectrum" else {}),
        }
    return layout


def _narrow() -> dict[str, Any]:
    layout = _layout(NARROW, 1100)
    moved = {name: {"domain": entry["domain"]} for name, entry in layout.items() if name.startswith(("xaxis", "yaxis"))}
    return {"width": 620, "height": layout["height"], "legend": layout["legend"], "legend2": layout["legend2"], **moved}


def _legend(place: Any, vertical: str, horizontal: str) -> dict[str, Any]:
    (left, right), (bottom, top) = place
    return {
        "x": right if horizontal == "right" else left,
        "xanchor": horizontal,
        "y": top if vertical == "top" else bottom,
        "yanchor": vertical,
        "font": {"size": 11},
    }


def _headings(places: dict[str, Any]) -> list[dict[str, Any]]:
    # Placed by each plot's own axes, so that they follow it where the page is narrow.
    return [
        _word(f"<b>{text}</b>", 0, 1, plot)
        | {"xref": f"x{AXES[plot]} domain", "xanchor": "left", "yanchor": "bottom", "yshift": 4}
        for plot, text in TITLES.items()
    ]


def _word(text: str, x: float, y: float, plot: str) -> dict[str, Any]:
    return {
        "text": text,
        "x": x,
        "y": y,
        "xref": f"x{AXES[plot]}",
        "yref": f"y{AXES[plot]} domain",
        "xanchor": "left",
        "yanchor": "top",
        "showarrow": False,
    }


def _upright(x: float, plot: str) -> dict[str, Any]:
    return {
        "type": "line",
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "xref": f"x{AXES[plot]}",
        "yref": f"y{AXES[plot]} domain",
        "line": {"color": SET_BY_YOU, "dash": "dash", "width": 1.5},
    }
