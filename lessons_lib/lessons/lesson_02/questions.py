"""The questions and bets of lesson 02, with their answers: a notebook holds neither."""

from bisect import bisect
from collections.abc import Callable, Mapping

from torch import Tensor

from lessons_lib.checks import predict, question

kinds = question(
    "You change one input of a recurrent model. The outputs that may move are",
    ["its own and all after it", "its own and the next k - 1", "all outputs, before and after"],
    answer="its own and all after it",
    why="The change enters the state, and the state is handed on. Nothing before it moves: the model is causal.",
)

size = question(
    "A recurrent model of 16 units has read 1,000 inputs. Its state holds",
    ["1,000 inputs, one after the other", "16 numbers that mix all inputs", "the last 16 inputs, and no other"],
    answer="16 numbers that mix all inputs",
    why="The state never grows. What it keeps, and for how long, is the question of this lesson.",
)

bet_rule = predict(
    "The forget bias goes from 0, where σ(0) = 0.5, to 3, where σ(3) = 0.95. The half-life of the cell goes from "
    "1 step to about",
    ["2 steps", "14 steps", "100 steps"],
    answer="14 steps",
    why="0.953 to the power 14.3 is one half.",
)


def rule(half_life: float) -> str:
    """The option of ``bet_rule`` nearest to a measured half-life, in steps."""
    return ("2 steps", "14 steps", "100 steps")[bisect([5, 40], half_life)]


bet_feedback = predict(
    "At forget bias 3 and W = 0, 0.06 is left of a small change after 60 steps. Now W becomes 0.5 x orthogonal in each "
    "of the four blocks. What is left after 60 steps is",
    ["less than 0.03", "still about 0.06", "more than there was at first"],
    answer="more than there was at first",
    why="The cell hardly leaks, and h feeds it again through W: what leaks out is more than made up for.",
)


def feedback(left: Callable[[float, float, float], Mapping[str, Tensor]]) -> Callable[..., str | None]:
    """What a panel's setting shows about ``bet_feedback``.

    ``left(norm, forget_bias, scale)["LSTM"]`` is what is left of a change by step; at other settings of norm and
    forget bias than the bet's, and where none of the options came, the outcome is None.
    """
    options = ("less than 0.03", "still about 0.06", None, "more than there was at first")

    def outcome(norm: float, forget_bias: float, scale: float) -> str | None:
        if (round(norm, 3), round(forget_bias, 3)) != (0.5, 3.0):
            return None
        return options[bisect([0.03, 0.12, 1.0], float(left(norm, forget_bias, scale)["LSTM"][-1]))]

    return outcome


product = question(
    "A tanh-RNN with norm 0.9 shall learn from what happened 100 steps ago. Of the gradient there is left at most",
    ["90 in 100", "50 in 100", "3 in 100,000"],
    answer="3 in 100,000",
    why="0.9 to the power 100 is 2.7e-5: one factor per step, forward and backward alike.",
)

gate = question(
    "An LSTM's forget gates are all at 0.95. Its memory has a half-life of 14 steps",
    ["in any case", "if little comes back through W", "if its inputs are large"],
    answer="if little comes back through W",
    why="0.95 describes the cell alone. What comes back through W may lengthen the memory without end.",
)

ever = question(
    "A model keeps the two states of one bit at least 1 apart for ever, whatever it reads. Can its map be a "
    "contraction, λ < 1?",
    ["yes", "no"],
    answer="no",
    why="Under a contraction the two states, bit set and bit not set, come together whatever is read.",
)
