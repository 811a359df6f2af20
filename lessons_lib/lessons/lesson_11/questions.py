"""The questions and bets of lesson 11, with their answers: a notebook holds neither."""

from __future__ import annotations

from bisect import bisect

from lessons_lib.checks import predict, question
from lessons_lib.lessons.lesson_11.experiment import TwinRecord

needed = question(
    "Lesson 10: to halve the error that truncation makes in a λ = 0.8 model, k must grow by about",
    ["3", "30", "a factor of 2"],
    answer="3",
    why="0.8 to the power 3 is 0.51: the error falls like λ^k, so k grows with the logarithm of the accuracy.",
)

which = question(
    "Lesson 04: which of the two makes a feed-forward model of a recurrent one?",
    ["a truncation length of k", "a context length of k"],
    answer="a context length of k",
    why="The context length cuts the input and resets the state. The truncation length cuts the gradient only.",
)

bet_stable = predict(
    "Stable twins, λ = 0.8, after 100 steps. From k = 5 to k = 20 their relative gap falls",
    ["hardly", "to about a third", "to less than a thirtieth"],
    answer="to less than a thirtieth",
    why="Even k λ^k, the worst case of what is cut off, falls sevenfold; "
    "on these inputs the tanh forgets faster than λ = 0.8 asks.",
)


def stable_gap(record: TwinRecord) -> str | None:
    """What a record of the stable twins shows about ``bet_stable``; None before step 100, and without a bound."""
    if record.step < 100 or record.log10_bound[20] == float("inf"):
        return None
    left = record.relative_gap[20] / record.relative_gap[5]
    return ("to less than a thirtieth", "to about a third", "hardly")[bisect((1 / 30, 0.7), left)]


bet_unstable = predict(
    "Unstable twins: W = 2 x orthogonal, no bound. From k = 5 to k = 35, of 50 words, their relative gap",
    ["stays near 1", "halves", "falls a hundredfold"],
    answer="stays near 1",
    why="The gradient through 50 steps is dominated by the earliest words, which no truncation sees.",
)


def unstable_gap(left: float) -> str:
    """The gap at k = 35 over that at k = 5, as an option of ``bet_unstable``."""
    return ("falls a hundredfold", "halves", "stays near 1")[bisect((0.03, 0.75), left)]


bet_rescue = predict(
    "2 x orthogonal, free. One model reads 50 words, its twin the last 5 only. After 100 steps the lower loss has",
    ["the model that reads 50", "neither: they are alike", "the twin that reads 5"],
    answer="the twin that reads 5",
    why="Its gradient passes 5 steps and not 50, so it neither explodes nor is drowned by the oldest words.",
)


def rescue(whole: float, cut: float) -> str:
    """Two losses in nats, as an option of ``bet_rescue``."""
    return bet_rescue.options[bisect((-0.1, 0.1), whole - cut)]


bet_descent = predict(
    "A step that is safe at a* = 0.5 for every T is used at a* = 1.2, T = 20, from a = 1.1. Descent",
    ["converges", "converges more slowly", "blows up"],
    answer="blows up",
    why="The loss curves like a^(2T): the first step overshoots by thousands.",
)


def descent(start: float, end: float, losses: list[float]) -> str:
    """Distances from the optimum at both ends of a descent, and its losses, as an option of ``bet_descent``."""
    if not losses[-1] <= losses[0]:
        return "blows up"
    return "converges" if end < start / 100 else "converges more slowly"


grows = question(
    "Stable twins, ten times as many steps, the same accuracy. By the theorem k must grow",
    ["by a constant", "tenfold", "not at all"],
    answer="by a constant",
    why="k is of the order of log(N^(αβ)/ε): ten times the steps add αβ log 10 / log(1/λ).",
)

says = question(
    "The bound on the gap is 10^300 and the measured gap 0.001. What follows?",
    ["the theorem is wrong", "the bound says nothing here", "the measurement is wrong"],
    answer="the bound says nothing here",
    why="A true upper bound may be useless. It still tells how k must grow.",
)

proof = question(
    "Each twin takes a step with its own gradient, and then both are projected. Why may the proof ignore the latter?",
    [
        "a projection onto a convex set never moves two points apart",
        "a projection onto a convex set moves both points equally far",
        "a projection onto a convex set leaves stable weights as they are",
    ],
    answer="a projection onto a convex set never moves two points apart",
    why="The gap after the projection is at most the gap before it, so a bound on the step alone is enough.",
)

rescued = question(
    "The unstable model truncated to 5 words learned, and the untruncated one did not. What does that show?",
    [
        "5 words hold all that can be learned from this language",
        "a gradient cut short can be worth more than a full one that explodes",
        "the untruncated model cannot represent what its twin does",
    ],
    answer="a gradient cut short can be worth more than a full one that explodes",
    why="The untruncated one could hold the same weights. Descent does not get there, and the third bit stays unread.",
)
