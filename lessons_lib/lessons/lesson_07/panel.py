"""The n of an n-gram LSTM, moved while it trains: what a reset costs at once, and what training makes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import ipywidgets as widgets

from lessons_lib.checks import Question
from lessons_lib.experiments.reading import Text
from lessons_lib.figures import style_of
from lessons_lib.lessons.lesson_07 import experiment as n_gram
from lessons_lib.panels.controls import NumberControl
from lessons_lib.panels.live_plot import LivePlot
from lessons_lib.panels.panel import PlayerPanel
from lessons_lib.panels.training_traces import SET_BY_YOU

SMOOTHED = 10  # steps of the running mean
MOST_MARKS, STAYS = 8, 5  # marks drawn; steps that an n must last to be marked
TICKS = [5, 10, 15, 20, 25, 30, 40, 50, 70, 100, 200, 500, 1_000]


class OrderPanel(PlayerPanel):
    """An n-gram LSTM training live, and a slider for n; the panel of the same name is replaced.

    Beside the training curve stands the held-out perplexity that the very same weights reach at every n.

    Args:
        reading: what it reads.
        prediction: a question to be answered first: until then Play is locked.
        outcomes: bets by what settles them: what n's cut to 3 shows, as an option or None.
        levels: the perplexities of the "unigram" and of the "bigram" table, drawn as horizontal lines.
        name: identifies the panel.
        seed: of the first weights.
    """

    def __init__(
        self,
        reading: Text,
        *,
        prediction: Question | None = None,
        outcomes: Mapping[Question, Callable[[n_gram.Cut], str | None]] | None = None,
        levels: Mapping[str, float] | None = None,
        name: str = "n-gram",
        seed: int = 0,
    ) -> None:
        self.reading, self.seed = reading, seed
        self._levels, self._outcomes = dict(levels or {}), dict(outcomes or {})
        self.order = n_gram.Order()
        self.records: list[n_gram.LiveRecord] = []
        self.plot = LivePlot(_traces(), _layouts(), alt="Nothing to see yet: press Play.")
        self.control = NumberControl(
            "n",
            "The state begins at zero n - 1 words before every prediction. The next training step uses it.",
            low=2,
            high=n_gram.LONGEST,
            step=1,
            integer=True,
            value=self.order.n,
            on_change=self._set_order,
        )
        tooltips = (
            "Train, from the start or from a pause",
            "Finish the step in hand, then wait",
            "Begin again from the same first weights, with n = 50",
        )
        super().__init__(self._train, self._draw, tooltips, name=name, prediction=prediction)
        self._show_levels()

    def reset(self) -> None:
        """Begin again from the same first weights, with the n of the beginning."""
        self.player.reset()
        self.control.show(n_gram.LONGEST)
        self.order.n = n_gram.LONGEST
        self.records = []
        self.plot.clear()
        self._show_levels()
        self.plot.draw(layouts=_marks([]))
        self._show_state()

    def _rows(self) -> list[widgets.Widget]:
        wrap = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "0 10px"}
        self.control.layout.flex = "1 1 16em"
        steering = widgets.Box([*self.transport(), self.control], layout=widgets.Layout(**wrap))
        return [*self._question(), steering, self._said, self.plot]

    def _set_order(self, n: int) -> None:
        self.order.n = int(n)
        self._show_state()

    def _show_levels(self) -> None:
        ends = [2, n_gram.LONGEST]
        self.plot.draw(replace={name: (ends, [level] * 2) for name, level in self._levels.items()})

    # -- in the player's thread -------------------------------------------------------------------------------

    def _train(self) -> Iterator[n_gram.LiveRecord]:
        return n_gram.live(self.order, self.reading, seed=self.seed)

    def _draw(self, record: n_gram.LiveRecord) -> None:
        moved = not self.records or self.records[-1].n != record.n
        self.records.append(record)
        self._settle()
        recent = [r.loss for r in self.records[-SMOOTHED:] if r.n == record.n]
        append = {"training": ([record.step], [math.exp(sum(recent) / len(recent))])}
        replace: dict[str, Any] = {}
        if record.by_n is not None:
            at_every = [math.exp(loss) for loss in record.by_n]
            replace["every n"] = (list(range(2, 2 + len(at_every))), at_every)
            replace["here"] = ([record.n], [at_every[record.n - 2]])
        self.plot.draw(append=append, replace=replace, layouts=_marks(self.records) if moved else None)
        if moved or record.by_n is not None:
            self._show_state()

    def _settle(self) -> None:
        waiting = [bet for bet in self._outcomes if bet.outcome is None]
        if waiting and (cut := n_gram.cut_of(self.records, self._levels.get("unigram", math.inf))):
            for bet in waiting:
                bet.settle(self._outcomes[bet](cut))

    def _words(self) -> str:
        return in_words(self.records) if self.records else ""


def in_words(records: list[n_gram.LiveRecord]) -> str:
    """Where the training stands, in one or two sentences."""
    last = records[-1]
    said = f"Step {last.step}: n = {last.n}, training perplexity {math.exp(last.loss):.0f}."
    measured = next((r.by_n for r in reversed(records) if r.by_n), None)
    if measured is not None:
        shown = ", ".join(f"{math.exp(measured[n - 2]):.0f} at n = {n}" for n in (2, 5, 13, 50))
        said += f" Held out, the same weights reach {shown}."
    return said


def _traces() -> dict[str, dict[str, Any]]:
    def curve(plot: str, label: str, mode: str = "lines", **more: Any) -> dict[str, Any]:
        return {"type": "scatter", "plot": plot, "mode": mode, "name": label, **more}

    windowed, baseline = style_of("windowed"), style_of("baseline")
    here = {"size": 12, "color": SET_BY_YOU, "symbol": "circle"}
    thin = baseline.line | {"width": 1.5}
    return {
        "training": curve("training", "n-gram LSTM", line=windowed.line | {"dash": "solid"}),
        "unigram": curve("every n", "word frequencies", line=thin),
        "bigram": curve("every n", "table of pairs", line=thin | {"dash": "dash"}),
        "every n": curve("every n", "these weights", line=windowed.line),
        "here": curve("every n", "your n", "markers", marker=here),
    }


def _marks(records: list[n_gram.LiveRecord]) -> dict[str, dict[str, Any]]:
    """A vertical line where n moved and stayed."""
    moves = [b for a, b in pairwise(records) if a.n != b.n]
    stayed = [a for a, b in pairwise(moves) if b.step - a.step > STAYS]
    kept = [*stayed, *moves[-1:]][-MOST_MARKS:]
    line = {"type": "line", "y0": 0, "y1": 1, "yref": "y domain", "line": {"color": SET_BY_YOU, "dash": "dash"}}
    word = {"yref": "y domain", "xanchor": "left", "yanchor": "top", "xshift": 2, "showarrow": False}
    return {
        "training": {
            "shapes": [{**line, "x0": r.step, "x1": r.step} for r in kept],
            "annotations": [
                {**word, "x": r.step, "y": 1 - 0.09 * (i % 4), "text": f"n = {r.n}"} for i, r in enumerate(kept)
            ],
        }
    }


def _layouts() -> dict[str, dict[str, Any]]:
    small = {"size": 12}
    both = {
        "height": 300,
        "margin": {"l": 56, "r": 12, "t": 64, "b": 40},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"size": 11}},
        "yaxis": {"title": {"text": "perplexity", "font": small}, "type": "log", "tickvals": TICKS},
    }
    titles = {"training": f"Training, mean of {SMOOTHED} steps", "every n": "Held out: these weights at every n"}
    axes: dict[str, dict[str, Any]] = {
        "training": {"title": {"text": "step", "font": small}},
        "every n": {"title": {"text": "n (words)", "font": small}, "type": "log", "tickvals": [2, 3, 5, 8, 13, 20, 50]},
    }
    return {
        plot: both
        | {"title": {"text": title, "x": 0, "y": 0.98, "yref": "container", "yanchor": "top", "font": {"size": 14}}}
        | {"xaxis": axes[plot], "showlegend": plot == "every n"}
        for plot, title in titles.items()
    }
