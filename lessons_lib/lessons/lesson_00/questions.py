"""The questions and bets of lesson 00, with their answers: a notebook holds neither."""

from bisect import bisect

from lessons_lib.checks import predict, question
from lessons_lib.lessons.lesson_00.experiment import BOUND, CONTEXT_LENGTH
from lessons_lib.runs import Run

AFTER = 300  # steps from the pull to the verdict on the loss
MEAN = 50  # steps over which losses are averaged
SAME = 0.03  # nats a word that count as about the same

sure = question(
    "A model chooses among 2,000 words. Its mean loss, the mean of -ln p of the right word in nats, "
    "is ln 2,000 = 7.6. Then it",
    ["does no better than an even guess", "gives nearly every word its due", "is right about half of the time"],
    answer="does no better than an even guess",
    why="An even guess gives each word 1/2,000, and -ln(1/2,000) is 7.6.",
)

shrink = question(
    "Two numbers differ by 1. Each step multiplies the difference by 0.9. After 20 steps it is about",
    ["0.1", "0.5", "0.9"],
    answer="0.1",
    why="0.9 to the power 20 is 0.12: what shrinks by a factor shrinks fast.",
)

bet_on_memory = predict(
    "You compare the full model's predictions with those that the same weights make from the last 20 words alone. "
    "Before the pull the two are far apart. A few steps after it they are",
    ["about as far apart", "closer, but less than fifty times", "more than fifty times as close"],
    answer="more than fifty times as close",
    why="What lies k steps back is now worth at most 0.9^k, and in practice much less.",
)

bet_on_loss = predict(
    "The model loses nearly all of its memory. 300 steps later its loss, compared with the twin's, is",
    ["higher", "about the same", "lower"],
    answer="lower",
    why="The lost memory was noise to it: the words that help most are the last few.",
)

norm = question(
    "Which property of W does the bound λ limit?",
    ["its largest entry", "its largest singular value", "its determinant"],
    answer="its largest singular value",
    why="That is the most by which W can stretch the difference of two states.",
)

window = question(
    "Stable with λ = 0.5 instead of 0.9: the number of words that matter is then",
    ["smaller", "the same", "larger"],
    answer="smaller",
    why="The past fades like λ^k, and 0.5^k is small much sooner.",
)

fair = question(
    "The pulled run beat its twin. Does this show that bounded models learn better than unbounded ones?",
    ["yes: it lost memory and won", "no: an ordinary start does as well", "no: the twin saw other words"],
    answer="no: an ordinary start does as well",
    why="The twin had a bad start, made so on purpose. An ordinary start, unbounded, ends close to the bounded runs.",
)


def _pull(run: Run) -> int | None:
    """The first step of a run under a bound of .9 or less, or None."""
    for change in run.history.changes:
        if change.name == "stable_set" and (change.new.knob_value or 2.0) <= BOUND:
            return change.step
    return None


class Memory:
    """What ``bet_on_memory`` asks, as a listener of a run: error at k = 20 last before the pull, and soon after it."""

    def __init__(self) -> None:
        self._before: float | None = None

    def __call__(self, run: Run) -> None:
        if run.history.probes and (errors := run.history.measured.truncation_error) is not None:
            step, error, pulled = run.history.probes[-1][0], errors[CONTEXT_LENGTH - 1], _pull(run)
            if pulled is None or step < pulled:
                self._before = error
            elif self._before is not None and step >= pulled + 5:
                bet_on_memory.settle(bet_on_memory.options[bisect([1.5, 50.0], self._before / error)])


def loss_outcome(run: Run) -> str | None:
    """What ``bet_on_loss`` asks: mean loss of 50 steps, of the run and its twin, 300 steps after the pull."""
    history, pulled = run.history, _pull(run)
    if pulled is None or not history.twin_steps or history.twin_steps[-1] < pulled + AFTER:
        return None
    last = history.twin_steps.index(pulled + AFTER) + 1
    own = history.steps.index(pulled + AFTER) + 1
    difference = sum(history.loss[own - MEAN : own]) - sum(history.twin_loss[last - MEAN : last])
    return bet_on_loss.options[2 - bisect([-SAME, SAME], difference / MEAN)]
