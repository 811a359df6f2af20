"""The questions and bets of lesson 12, with their answers: a notebook holds neither."""

import math
from bisect import bisect
from collections.abc import Callable

from lessons_lib.checks import Question, predict, question
from lessons_lib.runs import Run

STEPS, MEAN = 300, 100  # a bet on the live pair is settled after so many steps, by the mean of the last

path = question(
    "No forget gate of an LSTM exceeds 0.64. After 13 words the direct path through the cell keeps at most",
    ["0.3 %", "3 %", "30 %"],
    answer="0.3 %",
    why="0.64 to the power 13 is 0.003.",
)

holds = question(
    "An RNN was projected onto λ = 0.9 after every step. That it forgets at rate 0.9 holds for",
    ["every text", "texts like the training text", "the training text alone"],
    answer="every text",
    why="The rate is read off the weights: tanh and the inputs cannot undo it.",
)

LOWER, SAME, HIGHER, MORE = "lower by over 2 %", "the same within 2 %", "higher by 2 to 20 %", "higher by more"


def _bet(model: str, answer: str, why: str) -> Question:
    asked = f"After 300 steps the stable {model}'s perplexity, compared with its unstable twin's, is"
    return predict(asked, [LOWER, SAME, HIGHER, MORE], answer=answer, why=why)


bets = {
    "lstm": _bet(
        "LSTM", HIGHER, "Its gates are kept small, so it learns and remembers less in the same number of steps."
    ),
    "rnn": _bet(
        "tanh-RNN",
        LOWER,
        "A bound of 0.9 leaves the last dozen words, and what lay further back was of little use to it.",
    ),
    "linear": _bet("linear recurrence", SAME, "The bound touches the eigenvalues alone; all other weights are free."),
    "qrnn": _bet(
        "QRNN",
        LOWER,
        "The ceiling touches one number a unit and leaves the gates free; in so few steps the short memory even helps.",
    ),
}


def _outcome(bet: Question) -> Callable[[Run], str | None]:
    def seen(run: Run) -> str | None:
        history = run.history
        if STEPS - 1 not in history.twin_steps:
            return None
        last = history.twin_steps.index(STEPS - 1) + 1  # the twin's own list begins where it parted
        own, twin = history.loss[STEPS - MEAN : STEPS], history.twin_loss[last - MEAN : last]
        return bet.options[bisect([0.98, 1.02, 1.2], math.exp((sum(own) - sum(twin)) / MEAN))]

    return seen


# What a run shows about its family's bet: perplexity over the twin's, on the training text.
outcomes = {family: _outcome(bet) for family, bet in bets.items()}

axis = question(
    "In PyTorch's layout row j of weight_hh holds what unit j hears. The published code divides by the sums of |W| "
    "over axis 0. It limits",
    ["what each unit hears", "what each unit sends out", "the largest singular value"],
    answer="what each unit sends out",
    why="Axis 0 runs down a column, and a column holds what one unit sends to all. That fits the l1 norm of the state, "
    "in which the same argument holds; the max norm needs rows.",
)

missing = question(
    "All recurrent blocks are small, in either norm. For a certificate something is still missing:",
    ["a bound on the embeddings", "a ceiling on the forget gate", "a smaller learning rate"],
    answer="a ceiling on the forget gate",
    why="The cell is multiplied by the forget gate at every step. Its bias is free, so the gate may come close to 1, "
    "and then one cell remembers for hundreds of words.",
)

overlapping = question(
    "The ranges of two rows overlap, three seeds each. This shows that",
    ["stability costs nothing", "these seeds cannot tell the rows apart", "the rows are the same within 1 %"],
    answer="these seeds cannot tell the rows apart",
    why="Not seen is not absent: more seeds make the means sharper and may part them.",
)

proof = question(
    "Its certificate costs a QRNN one per cent, and an LSTM eight. The LSTM's price is therefore the price of",
    ["stability itself", "this proof for this architecture", "too few words of training"],
    answer="this proof for this architecture",
    why="Both are certified to forget. What differs is how much of the model the proof forbids.",
)
