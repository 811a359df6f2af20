"""A race to watch: choose the task and k, and see who learns it; the scores by k stay for comparison."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import chain
from typing import Any

import ipywidgets as widgets

from lessons_lib.checks import Question
from lessons_lib.figures import Style, style_of
from lessons_lib.lessons.lesson_06 import races
from lessons_lib.lessons.lesson_06.race_tasks import TASKS, Task
from lessons_lib.panels.controls import close_all
from lessons_lib.panels.live_plot import LivePlot
from lessons_lib.panels.panel import STATES, PlayerPanel

DRAW_SECONDS = 0.1


class RacePanel(PlayerPanel):
    """Feed-forward against recurrent on one of the six tasks of :mod:`lessons_lib.lessons.lesson_06.race_tasks`.

    A new k, task or kind of equality begins a new race; the final scores of a task's finished races stay in the right
    picture, against k, as long as the kind of equality is theirs.  The panel of the same name is replaced.

    Args:
        tasks: names to choose from, the first one first.
        k: context length of the first race; None: the task's longest.
        prediction: a question to be answered first: until then Play is locked.
        outcome: what a race on a task shows about it, asked at every score until it is one of the options.
        name: identifies the panel.
        steps: batches of a race; None: the task's own number.
        seed: of weights and data.
    """

    states = STATES | {
        "running": "Racing.",
        "finished": "Finished: choose another k and press Play, or another task.",
    }

    def __init__(
        self,
        tasks: Sequence[str] = tuple(TASKS),
        *,
        k: int | None = None,
        prediction: Question | None = None,
        outcome: Callable[[str, Sequence[races.Standing]], str | None] | None = None,
        name: str = "race",
        steps: int | None = None,
        seed: int = 0,
    ) -> None:
        self.steps, self.seed, self._outcome = steps, seed, outcome
        self._drawn, self._choosing = 0.0, False
        self.standings: list[races.Standing] = []
        self.task = TASKS[tasks[0]]()
        self.chooser = widgets.Dropdown(options=list(tasks), description="task", layout=_wide("14em"))
        self.context = widgets.SelectionSlider(
            options=self.task.contexts,
            value=k or self.task.contexts[-1],
            description="k",
            tooltip="Context length of the feed-forward model. A new k begins a new race.",
            layout=_wide("22em"),
        )
        self.equal = widgets.Dropdown(
            options=["batches", "seconds"],
            description="equal",
            tooltip="Everyone reads the same batches, or trains for the same time and the fast read more",
            layout=_wide("12em"),
        )
        for control in (self.chooser, self.context, self.equal):
            control.style.description_width = "initial"
        self._card, self._about = widgets.HTML(layout=widgets.Layout(overflow="auto")), widgets.HTML()
        self.plot = self._new_plot()
        tooltips = (
            "Start the race, or go on after a pause",
            "Finish the round in hand, then wait",
            "Back to the start of this race",
        )
        super().__init__(self._race, self._draw, tooltips, name=name, prediction=prediction)
        self.chooser.observe(lambda change: None if self._choosing else self.choose(change["new"]), "value")
        self.context.observe(self._on_context, "value")
        self.equal.observe(self._on_equal, "value")

    def choose(self, task: str, k: int | None = None) -> None:
        """Race on another task: its own rivals, its own k's, and a new picture."""
        self.player.reset()
        self.task, self._choosing = TASKS[task](), True
        try:
            chosen = self.task.contexts[-1] if k is None else k
            self.context.options = self.task.contexts
            self.context.value = chosen
            self.chooser.value = task
        finally:
            self._choosing = False
        old, self.plot = self.plot, self._new_plot()
        self.children = [*self._above, self.plot]
        close_all(old)
        self.reset()

    def reset(self) -> None:
        """Back to the start, with the k and the equality that the controls show; scores of finished races stay."""
        self.player.reset()
        self.standings = []
        self.plot.draw(replace={**{name: ([], []) for name in self._names()}, **self._scores()})
        self._show_state()

    # -- what the panel is made of --------------------------------------------------------------------------------

    def _names(self) -> list[str]:
        return [self.task.feed_forward, *self.task.recurrent]

    def _rows(self) -> list[widgets.Widget]:
        wrap = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "0 12px"}
        controls = widgets.Box([self.chooser, self.context, self.equal], layout=widgets.Layout(**wrap))
        buttons = widgets.Box(self.transport(), layout=widgets.Layout(**wrap))
        self._above = [*self._question(), controls, buttons, self._about, self._said, self._card]
        return [*self._above, self.plot]

    def _new_plot(self) -> LivePlot:
        self._finished: list[list[races.Standing]] = []
        styles = {name: _style(self.task, name) for name in self._names()}
        traces: dict[str, dict[str, Any]] = {name: _curve("loss", name, style) for name, style in styles.items()}
        for name, style in styles.items():
            kind = "lines+markers" if name == self.task.feed_forward else "lines"
            traces[f"{name} by k"] = {**_curve("score", name, style), "mode": kind, "showlegend": False}
        contexts = self.task.contexts
        for label in self.task.levels:
            traces[label] = _curve("score", label, style_of("baseline"))
        plot = LivePlot(traces, _layouts(self.task), alt="Nothing to see yet: press Play.")
        ends = [contexts[0], contexts[-1]]
        plot.draw(replace={label: (ends, [level, level]) for label, level in self.task.levels.items()})
        return plot

    def _on_context(self, _: object) -> None:
        if not self._choosing:  # a new task brings its own k's, and one reset is enough
            self.reset()

    def _on_equal(self, _: object) -> None:
        self.player.reset()  # first, so that the race in hand cannot finish behind the next line
        self._finished.clear()  # by batches and by seconds are two different questions
        self.reset()

    # -- in the player's thread -----------------------------------------------------------------------------------

    def _race(self) -> Iterator[list[races.Standing]]:
        yield from races.race(self.task, self.context.value, steps=self.steps, seed=self.seed, equal=self.equal.value)
        self._finished.append(self.standings)

    def _draw(self, standings: list[races.Standing]) -> None:
        now = time.monotonic()
        scored = [s.score for s in standings] != [s.score for s in self.standings]
        self.standings = standings
        if scored and self.prediction and self._outcome and self.prediction.outcome is None:
            self.prediction.settle(self._outcome(self.task.name, standings))
        if not scored and now - self._drawn < DRAW_SECONDS:
            return
        self._drawn = now
        by_time = self.equal.value == "seconds"
        at = {s.name: s.seconds if by_time else s.batches for s in standings}
        losses = {s.name: ([at[s.name]], [s.loss]) for s in standings if not math.isnan(s.loss)}
        self.plot.draw(append=losses, replace=self._scores() if scored else None)
        self._show_state()

    def _scores(self) -> dict[str, tuple[list[int], list[float]]]:
        by_k: dict[str, dict[int, float]] = {name: {} for name in self._names()}
        ends = (self.task.contexts[0], self.task.contexts[-1])  # of the level line of a model that has no k
        for s in chain(*self._finished, self.standings):
            if s.score is not None:
                by_k[s.name] |= dict.fromkeys(ends if s.context_length is None else (s.context_length,), s.score)
        return {f"{name} by k": (sorted(found), [found[k] for k in sorted(found)]) for name, found in by_k.items()}

    def _show_state(self, _: object = None) -> None:
        with self._lock:
            super()._show_state()
            self._about.value = f'<div style="line-height:1.4">{escape(about(self.task, self.context.value))}</div>'
            self._card.value = card(self.task, self.standings)
            self.plot.alt = in_words(self.task, self.standings)


def about(task: Task, k: int) -> str:
    """What has to lie within k, and where k stands, in one line."""
    return f"What helps on {task.name}: {task.needs}. The {task.feed_forward} sees k = {k}. Score: {task.unit}."


def card(task: Task, standings: Sequence[races.Standing]) -> str:
    """The race card: who races with what, as an HTML table."""
    head = ("", "sees", "parameters", "batches read", "seconds", "loss (nats)", "score")
    rows = []
    for s in standings:
        sees = "the whole past" if s.context_length is None else f"k = {s.context_length}"
        score = "-" if s.score is None else f"{s.score:.3g}"
        loss = "-" if math.isnan(s.loss) else f"{s.loss:.3g}"
        cells = (s.name, sees, f"{s.parameters:,}", f"{s.batches:,}", f"{s.seconds:.1f}", loss, score)
        rows.append("".join(f'<td style="padding:0 10px 0 0">{escape(cell)}</td>' for cell in cells))
    if not rows:
        return "<i>The race card appears with the first round.</i>"
    titles = "".join(f'<th scope="col" style="text-align:left;padding:0 10px 0 0">{title}</th>' for title in head)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    style = "line-height:1.4;white-space:nowrap;font-variant-numeric:tabular-nums"
    label = escape(f"race card: {task.name}")
    return f'<table aria-label="{label}" style="{style}"><tr>{titles}</tr>{body}</table>'


def in_words(task: Task, standings: Sequence[races.Standing]) -> str:
    """Where everyone stands, in a sentence."""
    if not standings:
        return "Nothing to see yet: press Play."
    each = [
        f"{s.name} {'-' if s.score is None else format(s.score, '.3g')} after {s.batches} batches" for s in standings
    ]
    return f"{task.name}, {task.unit}: {', '.join(each)}."


def _style(task: Task, name: str) -> Style:
    if name == task.feed_forward:
        return style_of(task.family)
    return style_of({"tanh-RNN": "rnn", "LSTM + attention": "lstm"}.get(name, name))


def _curve(plot: str, label: str, style: Style) -> dict[str, Any]:
    marker = {"size": 8, "color": style.colour, "symbol": style.symbol}
    return {"type": "scatter", "plot": plot, "mode": "lines", "name": label, "line": style.line, "marker": marker}


def _layouts(task: Task) -> dict[str, dict[str, Any]]:
    ks = list(task.contexts)
    ticks = {"type": "log", "tickvals": ks, "ticktext": [str(k) for k in ks]}
    reach = {"range": [math.log10(ks[0]) - 0.05, math.log10(ks[-1]) + 0.05]}
    unit = task.unit.split(",")[0]
    up = {"range": [-0.03, 1.06]} if task.more_is_better else {}
    return {
        "loss": _layout("The race", "batches, or seconds", "training loss (nats)"),
        "score": {
            **_layout("Score against k", "context length k", unit, **up),
            "xaxis": {"title": {"text": "context length k", "font": {"size": 12}}, **ticks, **reach},
        },
    }


def _layout(title: str, x: str, y: str, **y_axis: Any) -> dict[str, Any]:
    small = {"size": 12}
    return {
        "height": 300,
        "margin": {"l": 56, "r": 12, "t": 56, "b": 40},
        "title": {"text": title, "x": 0, "xref": "container", "font": {"size": 14}},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"size": 11}},
        "showlegend": True,
        "xaxis": {"title": {"text": x, "font": small}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": y, "font": small}, **y_axis},
    }


def _wide(width: str) -> widgets.Layout:
    return widgets.Layout(width="auto", min_width=width, flex="0 1 auto")
