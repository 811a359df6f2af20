"""The questions and bets of lesson 01, with their answers: a notebook holds neither."""

from collections.abc import Callable

from torch import Tensor

from lessons_lib.checks import predict, question

worth = question(
    "In lesson 00, a model whose λ is 0.9 read the same inputs from two states. After 20 steps the gap was",
    ["exactly 0", "at most 0.12 of the first one", "as large as it was at first"],
    answer="at most 0.12 of the first one",
    why="0.9 to the power 20 is 0.12. Small, and never quite nothing.",
)

became = question(
    "A recurrent model became a feed-forward one in lesson 00 when its prediction was computed",
    [
        "without a state, from one word",
        "from the last k words, from a zero state",
        "from all words of the text at once",
    ],
    answer="from the last k words, from a zero state",
    why="What happened earlier is not in the input any more, and no state brings it along.",
)

bet_tail = predict(
    "One input is changed. How far the recurrent model's output moves 30 steps later, beside how far its own output "
    "moves, is",
    ["exactly 0", "below 5 %, and not 0", "about the same"],
    answer="below 5 %, and not 0",
    why="Each step keeps at most 0.9 of a difference: 0.9 to the power 30 is 4 %. tanh takes some more.",
)


def tail(share: float) -> str | None:
    """The option of ``bet_tail`` that a measured share is; None between them."""
    if share == 0:
        return "exactly 0"
    return "below 5 %, and not 0" if share < 0.05 else "about the same" if 0.5 < share < 2 else None


bet_cliff = predict(
    "The convolution has k = 8. You move k to 9. What the last output feels of the input 8 steps back was 0. Now it is",
    ["a little more than 0", "about as much as of the input 7 steps back", "still 0"],
    answer="about as much as of the input 7 steps back",
    why="A window has no soft edge: the oldest input in it may count as much as any other.",
)


def cliff(felt: Callable[[int], Tensor]) -> Callable[..., str | None]:
    """What a panel's setting shows about ``bet_cliff``: the input 8 steps back beside the one 7 steps back.

    ``felt(k)`` is the influence on the convolution's last output by lag; at other k than 9 the outcome is None.
    """

    def outcome(k: int, s: int) -> str | None:
        if k != 9:
            return None
        share = float(felt(k)[8] / felt(k)[7])
        if share == 0:
            return "still 0"
        return "a little more than 0" if share < 0.2 else "about as much as of the input 7 steps back"

    return outcome


kind = question(
    "Output 50 of a model moves when you change input 49, 48 or 12, and for no other. The model is",
    ["certainly recurrent", "possibly feed-forward, with k at least 39", "certainly not causal"],
    answer="possibly feed-forward, with k at least 39",
    why="From 12 to 50 there are 39 positions. Holes are allowed: lesson 03 builds feed-forward models that have them.",
)

digits = question(
    "A recurrent model's output stays the same in every digit, whatever the inputs 100 and more steps back are. So",
    [
        "its gradient with respect to them is large",
        "a window of 100 would do for such inputs",
        "the model is not causal",
    ],
    answer="a window of 100 would do for such inputs",
    why="What cannot be felt need not be read. That is the idea which the course makes precise.",
)

cache = question(
    "A convolution runs live, one input at a time, and keeps its last k - 1 inputs. Is it of the recurrent kind now, "
    "as this lesson divides them?",
    ["yes, because it has a state", "no, because each input leaves on time"],
    answer="no, because each input leaves on time",
    why="What divides the kinds is how long an input can be felt, not whether something is carried along.",
)
