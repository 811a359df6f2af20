"""The questions and bets of lesson 04, with their answers: a notebook holds neither.

What a run has shown about a bet is a function of the run: one of the bet's options, or None.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from itertools import pairwise

from lessons_lib.checks import predict, question
from lessons_lib.runs import Run

SMOOTHED = 20  # steps over which a training loss is averaged before it is judged

past = question(
    "A recurrent model reads the tokens 1, 2, ..., t. Its prediction of token t + 1 may depend on",
    ["token t alone", "the tokens the gradient reached", "every token read so far"],
    answer="every token read so far",
    why="Each of them changed the state, and the state is carried on.",
)

window = question(
    "A feed-forward model with a context of 4 predicts token t + 1. The oldest token it can use is",
    ["token t - 4", "token t - 3", "token t - 5"],
    answer="token t - 3",
    why="Four tokens: t, t - 1, t - 2, t - 3. The last of them lies 4 steps before the one predicted.",
)

bet_on_floor = predict(
    "The gradient stops at k = 2, the lag is 4. The lowest loss along the way will be",
    ["0.89: bit B is out of reach", "well below 0.89, well above 0.40", "0.40: k does not matter"],
    answer="well below 0.89, well above 0.40",
    why="Nobody asked the state to keep what is four tokens old, but it does so anyway, for a while.",
)

bet_on_return = predict(
    "At k = 4 the model has learned bit B. Now you turn k back to 1. The loss",
    ["jumps to 0.89 at once", "creeps up to 0.89", "stays at 0.40"],
    answer="stays at 0.40",
    why="k limits what is learned, not what is remembered: the weights that keep bit B are there already.",
)

bet_on_words = predict(
    "From k = 20 to k = 1, the held-out loss on real words after 300 steps will",
    ["rise by a third or more", "rise by some 5 %", "hardly change"],
    answer="hardly change",
    why="What pays most is in the last few words, and the state echoes those for nothing.",
)

writes = question(
    "An LSTM was trained with truncation length 35. When it writes a text, each word may depend on",
    ["the last 35 words", "the last 70 words", "everything written so far"],
    answer="everything written so far",
    why="Truncation ended the gradient; the state was never reset.",
)

floor = question(
    "A language's only lag is 50. Which of these can never get below H_20, however long it trains?",
    ["a model with context length 20", "a model trained with truncation length 20", "both of these models"],
    answer="a model with context length 20",
    why="It does not see the token that matters. The other one does: its state may hold it.",
)

first = question(
    "Chunked truncation, k = 35. How many steps back does the loss at the first position of a chunk reach?",
    ["35 steps", "17 or 18 steps", "none at all"],
    answer="none at all",
    why="Its walk would have to cross the cut. On average a position reaches 18 positions, not 35.",
)


def phases(run: Run) -> list[tuple[int, list[float]]]:
    """The truncation lengths of a run, one after the other, each with the training losses of its steps."""
    history = run.history
    moves = [change for change in history.changes if change.name == "truncation_length"]
    lengths = [moves[0].old, *(move.new for move in moves)] if moves else [run.settings.truncation_length]
    ends = [0, *(move.step for move in moves), len(history.loss)]
    return [(k, history.loss[a:b]) for k, (a, b) in zip(lengths, pairwise(ends), strict=True)]


def smoothed(losses: Sequence[float]) -> list[float]:
    """The mean of every ``SMOOTHED`` losses in a row."""
    return [sum(losses[i : i + SMOOTHED]) / SMOOTHED for i in range(len(losses) - SMOOTHED + 1)]


def lowest_at_two(run: Run) -> str | None:
    """The lowest loss of the run's first phase, judged after 150 steps at k = 2."""
    k, losses = phases(run)[0]
    return lowest(losses) if k == 2 and len(losses) >= 150 else None


def lowest(losses: Sequence[float]) -> str:
    """What ``bet_on_floor`` calls the lowest of these losses."""
    return bet_on_floor.options[::-1][bisect((0.45, 0.85), min(smoothed(losses)))]


def after_the_return(run: Run) -> str | None:
    """What the loss did in 200 steps at k = 1, once some k from 4 up had brought it within 15 % of the lower line."""
    learned = False
    for k, losses in phases(run):
        if learned and k == 1 and len(losses) >= 200:
            early, late = losses[:SMOOTHED], losses[200 - SMOOTHED : 200]
            jumped, crept = (sum(some) / SMOOTHED > 0.6 for some in (early, late))
            return bet_on_return.options[0 if jumped else 1 if crept else 2]
        if k >= 4:
            learned = len(losses) >= SMOOTHED and smoothed(losses)[-1] < 1.15 * 0.397
    return None


def from_twenty_to_one(at_twenty: float, at_one: float) -> str:
    """What ``bet_on_words`` calls the change of the held-out loss from k = 20 to k = 1."""
    return bet_on_words.options[::-1][bisect((1.02, 1.15), at_one / at_twenty)]
