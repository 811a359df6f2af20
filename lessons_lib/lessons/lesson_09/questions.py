"""The questions and bets of lesson 09, with their answers: a notebook holds neither.

What a run has shown about a bet is a function of the run: one of the bet's options, or None.
"""

from __future__ import annotations

from bisect import bisect

from lessons_lib.checks import predict, question
from lessons_lib.runs import Run

certified = question(
    "A tanh-RNN whose recurrent matrix has largest singular value 0.9 is certainly",
    ["accurate", "0.9-contractive", "linear"],
    answer="0.9-contractive",
    why="The slope of tanh is at most 1, so a difference of states shrinks by 0.9 in every step, whatever the input.",
)

cut = question(
    "Truncation length k = 5 in training: how far back may a prediction of the trained model depend on its input?",
    ["5 steps", "5 steps more than the state carries", "as far as the state carries it"],
    answer="as far as the state carries it",
    why="The truncation length cuts the gradient. The context length cuts the input, and that is another number.",
)

bet_rnn = predict(
    "An unbounded RNN has trained for 300 steps. You pull λ to 0.9. After 100 more steps its training loss, beside "
    "that of the twin that you did not pull, is",
    ["higher", "about the same", "lower"],
    answer="lower",
    why="Large singular values made the gradient noisy; the bound calms it, and chords need little memory.",
)

bet_lstm = predict(
    "An unbounded LSTM has trained for 300 steps. You set the forget ceiling to 0.64. Its loss at once",
    ["hardly moves", "jumps up", "falls"],
    answer="jumps up",
    why="Most recurrent weights are cut to zero in one step; what is left was not trained to work alone.",
)

nearest = question(
    "W has singular values 3, 0.8 and 0.1. After projection onto the ball of radius 0.9 they are",
    ["0.9, 0.24, 0.03", "0.9, 0.8, 0.1", "0.9, 0.9, 0.9"],
    answer="0.9, 0.8, 0.1",
    why="The nearest point changes only what is over the bound; the first answer is rescaling.",
)

ceiling = question(
    "Raising the forget ceiling from 0.64 to 0.95 leaves the recurrent weights",
    ["more room", "the same room", "less room"],
    answer="less room",
    why="All limits contain 1 - f̄: a cell that keeps more of itself may take in less from the other units.",
)

clipping = question(
    "The gradient of a run is clipped in every step. Its weights are therefore",
    ["certainly stable", "stable in the end", "stable or not, as before"],
    answer="stable or not, as before",
    why="A clip limits the length of a step. In the experiment above the norm stayed over 3, and gradients exploded.",
)

joint = question(
    "In the wide set a unit has a forget ceiling of 0.9, and λ is 0.95. Beside its neighbour with ceiling 0.3 it may",
    ["take in more of the other units", "take in as much of the other units", "take in less of the other units"],
    answer="take in less of the other units",
    why="Both have the budget λ. What a unit keeps of itself, f̄, is not left for what it takes in.",
)


def after_the_pull(run: Run) -> str | None:
    """The training loss in the steps 100 to 200 after λ came down to 0.9, beside the twin's."""
    gap = _gap(run, 0.91, 100, 200)
    return None if gap is None else bet_rnn.options[::-1][bisect((-0.05, 0.05), gap)]


def at_the_ceiling(run: Run) -> str | None:
    """The training loss in the first five steps after f̄ was set to 0.64, beside the twin's."""
    gap = _gap(run, 0.65, 0, 5)
    return None if gap is None else ("falls", "hardly moves", "jumps up")[bisect((-0.1, 0.1), gap)]


def _gap(run: Run, at_most: float, first: int, last: int) -> float | None:
    """The mean of run less twin over these steps after the knob came down so far; None before they are through."""
    history = run.history
    pulls = [
        change.step
        for change in history.changes
        if change.name == "stable_set" and change.new.knob_value is not None and change.new.knob_value <= at_most
    ]
    if not pulls or pulls[0] < 300:
        return None
    twin = dict(zip(history.twin_steps, history.twin_loss, strict=False))
    wanted = range(pulls[0] + first, pulls[0] + last)
    if wanted[-1] not in twin or wanted[-1] >= len(history.loss):
        return None
    return sum(history.loss[step] - twin[step] for step in wanted) / len(wanted)
