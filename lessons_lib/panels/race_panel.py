"""A race to watch: choose the task and k, and see who learns it; the scores by k stay for comparison."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from lessons_lib.checks import Question
from lessons_lib.figures import Style, style_of
from lessons_lib.panels.controls import close_all
from lessons_lib.panels.live_plot import LivePlot
from lessons_lib.panels.prediction import PredictionWidget
from lessons_lib.runs import Player
from lessons_lib.studies import races
from lessons_lib.studies.race_tasks import TASKS, Task

if TYPE_CHECKING:
    import plotly.graph_objects as go

DRAW_SECONDS = 0.1
STATES = {
    "ready": "Ready: press Play.",
    "running": "Racing.",
    "paused": "Paused: Play goes on.",
    "finished": "Finished: choose another k and press Play, or another task.",
    "failed": "Failed:",
}
_panels: dict[str, RacePanel] = {}


class RacePanel(widgets.VBox):
    """Feed-forward against recurrent on one of the five tasks of :mod:`lessons_lib.studies.race_tasks`.

    A new k, task or kind of equality begins a new race; the final scores of a task's earlier races stay in the right
    picture, against k.  The panel of the same name is replaced.

    Args:
        tasks: names to choose from, the first one first.
        k: context length of the first race; None: the task's longest.
        prediction: a question to be answered first: until then Play is locked.
        name: identifies the panel.
        steps: batches of a race; None: the task's own number.
        seed: of weights and data.
    """

    def __init__(
        self,
        tasks: Sequence[str] = tuple(TASKS),
        *,
        k: int | None = None,
        prediction: Question | None = None,
        name: str = "race",
        steps: int | None = None,
        seed: int = 0,
    ) -> None:
        if (old := _panels.pop(name, None)) is not None:
            old.close()
        self.prediction, self.name, self.steps, self.seed = prediction, name, steps, seed
        self._lock = threading.RLock()
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
        self.player = Player(self._race, self._draw, name=name)
        self.buttons = {
            "Play": self._button("Play", "play", "Start the race, or go on after a pause", self.player.start),
            "Pause": self._button("Pause", "pause", "Finish the round in hand, then wait", self.player.pause),
            "Reset": self._button("Reset", "refresh", "Back to the start of this race", self.reset),
        }
        self._said, self._card = widgets.HTML(), widgets.HTML(layout=widgets.Layout(overflow="auto"))
        self._about = widgets.HTML()
        self.plot = self._new_plot()
        self._above = self._rows()
        super().__init__([*self._above, self.plot], layout=widgets.Layout(width="100%"))
        self.chooser.observe(lambda change: self.choose(change["new"]), "value")
        self.context.observe(self._on_context, "value")
        self.equal.observe(lambda _: self.reset(), "value")
        self.player.listeners.append(self._show_state)
        if prediction is not None:
            prediction.listeners.append(self._show_state)
        self._show_state()
        _panels[name] = self

    def __repr__(self) -> str:
        return f"RacePanel({self.name!r}): a live panel, to be used where notebooks run"

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
        """Back to the start, with the k and the equality that the controls show; earlier scores stay."""
        self.player.reset()
        self.standings = []
        for name in self._names():
            self.plot.draw(replace={name: ([], [])})
        self._show_state()

    def figure(self) -> go.Figure:
        """What the plot shows now as a plain plotly figure, for pages that run no widgets."""
        from lessons_lib.figures import finished

        return finished(self.plot.figure())

    def close(self) -> None:
        """End the race and close every widget of the panel."""
        self.player.close()
        if self.prediction is not None and self._show_state in self.prediction.listeners:
            self.prediction.listeners.remove(self._show_state)
        if _panels.get(self.name) is self:
            del _panels[self.name]
        for child in self.children:
            close_all(child)
        self.layout.close()
        super().close()

    # -- what the panel is made of --------------------------------------------------------------------------------

    def _names(self) -> list[str]:
        return [self.task.feed_forward, *self.task.recurrent]

    def _button(self, label: str, icon: str, tooltip: str, act: Callable[[], None]) -> widgets.Button:
        button = widgets.Button(description=label, icon=icon, tooltip=tooltip, layout=widgets.Layout(width="auto"))
        button.on_click(lambda _: act())
        return button

    def _rows(self) -> list[widgets.Widget]:
        wrap = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "0 12px"}
        rows: list[widgets.Widget] = [] if self.prediction is None else [PredictionWidget(self.prediction)]
        controls = widgets.Box([self.chooser, self.context, self.equal], layout=widgets.Layout(**wrap))
        buttons = widgets.Box(list(self.buttons.values()), layout=widgets.Layout(**wrap))
        return [*rows, controls, buttons, self._about, self._said, self._card]

    def _new_plot(self) -> LivePlot:
        self._finals: dict[int, float] = {}
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

    # -- in the player's thread -----------------------------------------------------------------------------------

    def _race(self) -> Iterator[list[races.Standing]]:
        return races.race(self.task, self.context.value, steps=self.steps, seed=self.seed, equal=self.equal.value)

    def _draw(self, standings: list[races.Standing]) -> None:
        now = time.monotonic()
        scored = [s.score for s in standings] != [s.score for s in self.standings]
        self.standings = standings
        if not scored and now - self._drawn < DRAW_SECONDS:
            return
        self._drawn = now
        by_time = self.equal.value == "seconds"
        at = {s.name: s.seconds if by_time else s.batches for s in standings}
        losses = {s.name: ([at[s.name]], [s.loss]) for s in standings if not math.isnan(s.loss)}
        self.plot.draw(append=losses, replace=self._scores() if scored else None)
        self._show_state()

    def _scores(self) -> dict[str, tuple[list[int], list[float]]]:
        found = {s.name: s.score for s in self.standings if s.score is not None}
        if self.task.feed_forward in found:
            self._finals[self.context.value] = found.pop(self.task.feed_forward)
        ks = sorted(self._finals)
        ends = [self.task.contexts[0], self.task.contexts[-1]]
        lines = {f"{name} by k": (ends, [score, score]) for name, score in found.items()}
        return {f"{self.task.feed_forward} by k": (ks, [self._finals[k] for k in ks]), **lines}

    def _show_state(self, _: object = None) -> None:
        with self._lock:
            state = self.player.state
            locked = self.prediction is not None and self.prediction.committed is None
            self.buttons["Play"].disabled = locked or state not in ("ready", "paused")
            self.buttons["Play"].button_style = "" if self.buttons["Play"].disabled else "primary"
            self.buttons["Pause"].disabled = state != "running"
            text = "Answer the question above: then Play unlocks." if locked and state == "ready" else STATES[state]
            text = f"{text} {self.player.message}".strip()
            self._about.value = f'<div style="line-height:1.4">{escape(about(self.task, self.context.value))}</div>'
            self._said.value = f'<div role="status" style="line-height:1.4">{escape(text)}</div>'
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
