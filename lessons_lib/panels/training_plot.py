"""The live picture of a training run: loss, singular values, gradient by lag, truncation error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lessons_lib.figures import style_of
from lessons_lib.panels.history import RunningMean
from lessons_lib.panels.live_plot import LivePlot, Samples
from lessons_lib.panels.training_traces import GHOSTS, MEAN_STEPS, SET_BY_YOU, training_layouts, training_traces
from lessons_lib.runs import Change, Measurements, Recording, Run

MOST_MARKS = 12
MARK_ROWS = 4  # neighbouring labels stand below each other
SMALLEST = 1e-12
ROUNDING = 1e-6  # float32 logits computed in two ways agree no better: below it neither error nor bound is news


class TrainingPlot(LivePlot):
    """A :class:`LivePlot` that reads a run's history.

    It draws what the run's probe measures, and leaves out what it does not: held-out loss, singular values, gradient
    by lag, truncation error beside its bound, and the accuracy as a level beside them. Behind the run stand ghosts:
    up to three recordings, thin and grey.

    Args:
        levels: labelled horizontal lines on the loss.
        names: what the legend calls a curve, where the usual word is not the lesson's.
        unit: what the model reads, in the plural: "tokens", "words", "frames".
        first: the plot that stands before the others.
    """

    def __init__(
        self,
        levels: Mapping[str, float] | None = None,
        *,
        names: Mapping[str, str] | None = None,
        unit: str = "tokens",
        first: str = "loss",
    ) -> None:
        self.unit = unit
        traces, layouts = training_traces(names or {}), training_layouts(unit, first)
        super().__init__(traces, layouts, alt="Nothing to see yet: press Play.")
        self._levels = _levels(levels or {})
        self._resets = -1
        self._twin_mean: RunningMean | None = None
        self.ghosts: list[Recording] = []

    def show(self, run: Run) -> None:
        """Add what the run's history holds beyond what is drawn already."""
        if run.resets != self._resets:
            self._resets = run.resets
            self._drawn = {"steps": 0, "twin_steps": 0, "probes": 0}
            self._mean, self._twin_mean = RunningMean(MEAN_STEPS), None
            self._bound: Any = None
            self.clear()
        probes = self._new(run, "probes")
        append: dict[str, Any] = {
            "loss": self._new(run, "steps", "loss"),
            "twin": self._new(run, "twin_steps", "twin_loss"),
        }
        append["loss_mean"] = (append["loss"][0], self._mean(append["loss"][1]))
        append["twin_mean"] = self._averaged_twin(run, *append["twin"])
        replace: dict[str, Samples] = {}
        if probes:
            held_out = [(step, found.held_out_loss) for step, found in probes if found.held_out_loss is not None]
            append["held_out_loss"] = ([step for step, _ in held_out], [loss for _, loss in held_out])
            replace = _profiles(probes[-1][1])
            self.alt = in_words(run, self.unit, self.ghosts)
        bound, ranks = run.settings.stable_set.largest_singular_value, len(self.curves["singular_values"])
        if (bound, ranks) != self._bound and ranks:
            self._bound = bound, ranks
            replace["bound"] = ([], []) if bound is None else ([1, ranks], [bound, bound])
        self.draw(append=append, replace=replace, layouts=self._marked(run))

    def explain(self, plot: str, says: str) -> None:
        """Let an empty plot say something else, before it is shown: that it will stay empty, perhaps."""
        self.draw(layouts={plot: {"meta": self._layouts[plot]["meta"] | {"says": says}}})

    def haunt(self, ghosts: Sequence[Recording]) -> None:
        """Let these recordings, the last three of them, stand behind the run."""
        self.ghosts = list(ghosts)[-len(GHOSTS) :]
        replace: dict[str, Samples] = {}
        for plot in ("loss", "error"):
            for i in range(len(GHOSTS)):
                ghost = self.ghosts[i] if i < len(self.ghosts) else None
                self._traces[f"ghost_{plot}_{i}"]["name"] = ghost.title if ghost else ""
                replace[f"ghost_{plot}_{i}"] = _ghost(ghost, plot) if ghost else ([], [])
        self.replace_all(replace)

    def clear(self) -> None:
        """Empty every curve but the ghosts'."""
        with self._lock:
            super().clear()
            self.haunt(self.ghosts)

    def _averaged_twin(self, run: Run, steps: Sequence[int], loss: Sequence[float]) -> Samples:
        """Until it parted the twin was the run itself: its mean begins with the run's."""
        if self._twin_mean is None and steps:
            before = run.history.loss[max(0, steps[0] - MEAN_STEPS) : steps[0]]
            self._twin_mean = RunningMean(MEAN_STEPS, before, steps[0])
        return (steps, loss) if self._twin_mean is None else (steps, self._twin_mean(loss))

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


def _ghost(ghost: Recording, plot: str) -> Samples:
    if plot == "loss":
        return range(len(ghost.loss)), RunningMean(MEAN_STEPS)(ghost.loss)
    errors = np.asarray(ghost.truncation_error, dtype=float)
    return np.arange(1, len(errors) + 1), _positive(errors, ROUNDING)


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


def in_words(run: Run, unit: str = "tokens", ghosts: Sequence[Recording] = ()) -> str:
    """What the picture shows now, for those who cannot see it."""
    history, one = run.history, unit.removesuffix("s")
    said = [f"Four plots of a training run at step {run.step_count}."]
    if history.loss:
        mean = float(np.mean(history.loss[-MEAN_STEPS:]))
        said.append(
            f"Training loss {mean:.3g} nats per {one}, mean of the last {min(MEAN_STEPS, len(history.loss))} steps; "
            f"{history.loss[0]:.3g} at the start."
        )
    if gap := gap_to_twin(run):
        said.append(f"That is {gap[0]}, {gap[1]}.")
    measured = history.measured
    if measured.held_out_loss is not None:
        said.append(f"Held-out loss {measured.held_out_loss:.3g}.")
    if values := measured.singular_values:
        said.append(
            f"Singular values from {values[0]:.3g} down to {values[-1]:.3g}, {run.settings.stable_set.in_short()}."
        )
    if (norms := measured.gradient_by_lag) and norms[0] > 0:
        said.append(f"Gradient {len(norms) - 1} {unit} back: {norms[-1] / norms[0]:.1e} of the latest one.")
    if errors := measured.truncation_error:
        said.append(f"Truncation error {errors[-1]:.1e} at context length {len(errors)}.")
    for ghost in ghosts:
        said.append(f"An earlier run, {ghost.title}, ended at {np.mean(ghost.loss[-MEAN_STEPS:]):.3g} nats.")
    return " ".join(said)


def gap_to_twin(run: Run) -> tuple[str, str] | None:
    """Where the run stands beside its twin, and over which steps: "0.18 nats below its twin", "mean of ..."."""
    history = run.history
    end = len(history.twin_steps)
    steps = history.twin_steps[max(0, end - MEAN_STEPS) : end]
    if not steps:
        return None
    twin = np.mean(history.twin_loss[end - len(steps) : end])
    gap = float(np.mean(history.loss[steps[0] : steps[-1] + 1]) - twin)
    if not np.isfinite(gap):
        return None
    over = f"mean of the last {MEAN_STEPS} steps" if end > MEAN_STEPS else f"mean of {end} steps since they parted"
    if abs(gap) < 0.005:
        return "level with its twin", over
    return f"{abs(gap):.2f} nats {'below' if gap < 0 else 'above'} its twin", over


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
