"""The questions and bets of lesson 10, with their answers: a notebook holds neither."""

from __future__ import annotations

from bisect import bisect

from lessons_lib.checks import predict, question
from lessons_lib.runs import Run

norm = question(
    "Lesson 08: which number below 1 promises that a tanh-RNN forgets its start on every input?",
    ["the spectral radius of W", "the spectral norm of W", "the median contraction on data"],
    answer="the spectral norm of W",
    why="It bounds how far one step can stretch any difference. The other two speak of the end, and of some inputs.",
)

ball = question(
    "Lesson 09: W is projected onto the ball of bound 0.8. What happens to a singular value of 0.3?",
    ["it becomes 0.24", "it becomes 0.8", "nothing"],
    answer="nothing",
    why="The nearest matrix of the ball clips what is above the bound and keeps the rest.",
)

bet_slow = predict(
    "At λ = 0.95 the theorem asks for k = 176. On 300 random inputs an accuracy of 0.001 is reached at about",
    ["k = 176", "k = 70", "k = 7"],
    answer="k = 70",
    why="The bound counts on a tanh of slope 1. Inputs of length 1 bend it, and the error falls faster than λ^k.",
)


def slow(measured: float) -> str:
    """The k that was measured, as an option of ``bet_slow``."""
    return ("k = 7", "k = 70", "k = 176")[bisect((25, 120), measured)]


bet_edge = predict(
    "At λ = 1.00 exactly the theorem promises nothing, at any k. Measured on random inputs, the error",
    ["stays where it is", "falls all the same", "grows with k"],
    answer="falls all the same",
    why="The tanh has slope below 1 wherever the state is not 0. The theorem must count on slope 1, reality need not.",
)


def edge(left: float) -> str:
    """The error at k = 80 over that at k = 1, as an option of ``bet_edge``."""
    return ("falls all the same", "stays where it is", "grows with k")[bisect((0.5, 2.0), left)]


bet_training = predict(
    "The RNN trains without a bound; its norm rises to about 3. The error at k = 20, against that at k = 1, is then",
    ["as large", "smaller, and no theorem says why", "smaller, as the theorem promises"],
    answer="smaller, and no theorem says why",
    why="Above 1 there is no certificate. That it forgets is a property of these weights on these words.",
)


def free_run(run: Run) -> str | None:
    """What a run shows about ``bet_training``; None before step 200, or while something is promised."""
    found = run.history.measured
    if run.step_count < 200 or found.truncation_error is None or found.rate is None or found.rate < 1:
        return None
    left = found.truncation_error[19] / found.truncation_error[0]
    return "smaller, and no theorem says why" if left < 0.5 else "as large"


exact = question(
    "λ = 0.9. For an accuracy of 0.01 the theorem asks for k = 60. For 0.0001 it asks for about",
    ["k = 104", "k = 120", "k = 6,000"],
    answer="k = 104",
    why="Two digits cost log 100 / log(1/0.9) = 44 more inputs, whatever the accuracy before.",
)

stacked = question(
    "Three layers with ‖W‖ = 0.7 each. At every k, is the truncation error at most a constant times 0.7^k?",
    ["yes", "no, it may fall like k² 0.7^k", "no, it does not fall"],
    answer="no, it may fall like k² 0.7^k",
    why="Each layer adds a factor k. No constant covers that, but any rate above 0.7 does in the end.",
)

promise = question(
    "A trained model's norm is 3, and its truncation error at k = 20 is 1e-4 on a million positions. You may say that",
    ["k = 20 is enough for every input", "k = 20 was enough on this text", "the model is stable"],
    answer="k = 20 was enough on this text",
    why="Nothing is certified above norm 1; one sentence of another kind may find the state that does not forget.",
)
