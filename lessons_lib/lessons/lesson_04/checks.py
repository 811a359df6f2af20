"""Checks of lesson 04's exercises."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.exercises import exercise, mismatch, named_mistake
from lessons_lib.corpora import ProductOfLags
from lessons_lib.models import LanguageModel, TanhRNN, seeded
from lessons_lib.training.truncation import backward_chunked


@exercise("A chunk begins at a multiple of k: its last position reaches k steps, its first only itself.")
def chunked_reach(answer: Callable[[int, int], range]) -> str | None:
    """The positions that the gradient of the loss at ``t`` reaches when it is cut after every ``k``."""
    cases = ((9, 4), (8, 4), (11, 4), (2, 5), (13, 3))
    given = [list(answer(t, k)) for t, k in cases]
    wrong = {
        "that is exact truncation, k positions for every t; a chunk begins at a multiple of k": [
            range(t - k + 1, t + 1) for t, k in cases
        ],
        "t % k is how far t lies inside its chunk; go that far back from t": [range(t % k, t + 1) for t, k in cases],
        "t // k is the number of the chunk; times k it is where the chunk begins": [
            range(t // k, t + 1) for t, k in cases
        ],
        "that begins one position after the cut; the chunk's first position belongs to it": [
            range(t - t % k + 1, t + 1) for t, k in cases
        ],
    }
    right = [range(t - t % k, t + 1) for t, k in cases]
    for (t, k), positions, expected in zip(cases, given, right, strict=True):
        if positions != list(expected):
            unnamed = f"for t = {t} and k = {k} it should reach {t - t % k} to {t}, yours reaches {positions}"
            listed = {mistake: [list(r) for r in ranges] for mistake, ranges in wrong.items()}
            return named_mistake(given, right, listed, None, unnamed=unnamed)
    return None


@exercise("The state goes on, its history ends: that is truncated backpropagation as everybody runs it.")
def chunked_step(answer: Callable[[Any, Tensor, Tensor, Any, int], Any]) -> str | None:
    """Truncated backpropagation over one training step of 10 positions, k = 4, from a state that is not zero."""
    k, steps = 4, 10
    with seeded(0):
        model = LanguageModel(TanhRNN(3, 4), 5, 3).double()
        tokens = torch.randint(5, (2, steps + 1))
        start = torch.randn(1, 2, 4, dtype=torch.float64)
    inputs, targets = tokens[:, :-1], tokens[:, 1:]

    def gradient(work: Callable[[], Any]) -> Tensor:
        model.zero_grad(set_to_none=True)
        work()
        return torch.cat([torch.zeros(p.numel()) if p.grad is None else p.grad.flatten() for p in model.parameters()])

    def weighed(state_before: Callable[[Any], Any], share: Callable[[int], float]) -> Callable[[], None]:
        def work() -> None:
            state = start
            for first in range(0, steps, k):
                chunk = slice(first, first + k)
                features, state = model(inputs[:, chunk], state_before(state))
                (model.loss(features, targets[:, chunk]) * share(len(inputs[0, chunk]))).backward()

        return work

    def detached(state: Tensor) -> Tensor:
        return state.detach()

    try:
        given = gradient(lambda: answer(model, inputs, targets, start.clone(), k))
    except Exception as error:
        if "second time" in str(error):
            return "a later chunk's gradient ran back into an earlier chunk: detach the state before each chunk"
        raise
    expected = gradient(lambda: backward_chunked(model, inputs, targets, start, k))
    wrong = {
        "you reset the state; detach it instead": weighed(lambda _: None, lambda n: n / steps),
        "you reset the state; detach it instead (and a chunk's share is its positions over all of them)": weighed(
            lambda _: None, lambda _: 1.0
        ),
        "every chunk's loss is a mean over the chunk: weigh it by the chunk's share of the positions": weighed(
            detached, lambda _: 1.0
        ),
        "the last chunk has fewer than k positions: its share is its own length over the step's": weighed(
            detached, lambda _: k / steps
        ),
        "you gave every chunk the same weight, but the last one is shorter": weighed(
            detached, lambda _: 1 / math.ceil(steps / k)
        ),
    }
    if not given.any():
        return "no gradient arrived: call backward() on every chunk's share of the loss"
    return named_mistake(given, expected, {mistake: gradient(work) for mistake, work in wrong.items()}, 1e-9)


@exercise("Those are the steps that the context-k models stand on.")
def optimal_loss(answer: Callable[[Sequence[int], Sequence[float], int], float]) -> str | None:
    """H_k of a product-of-lags language, in nats."""
    lags, flips = (1, 3, 6), (0.05, 0.1, 0.2)

    def per_bit(k: int, known: Callable[[float], float], unknown: float, strictly: bool = False) -> float:
        seen = [k > lag if strictly else k >= lag for lag in lags]
        return sum(known(flip) if s else unknown for s, flip in zip(seen, flips, strict=True))

    def entropy(flip: float) -> float:
        return -flip * math.log(flip) - (1 - flip) * math.log(1 - flip)

    contexts = (0, 1, 2, 3, 5, 6, 9)
    given = [float(answer(lags, flips, k)) for k in contexts]
    wrong = {
        "you used base 2; this course counts in nats, so take math.log": [
            per_bit(k, entropy, math.log(2)) / math.log(2) for k in contexts
        ],
        "with k equal to the lag the token it copies is still seen: k >= lag": [
            per_bit(k, entropy, math.log(2), strictly=True) for k in contexts
        ],
        "a bit that cannot be predicted still costs: ln 2 nats": [per_bit(k, entropy, 0.0) for k in contexts],
        "a flip costs -ln e, and so does no flip, -ln(1 - e), each as often as it happens": [
            per_bit(k, lambda flip: -math.log(1 - flip), math.log(2)) for k in contexts
        ],
        "that is the best loss with the whole past; a bit whose lag is beyond k costs ln 2": [
            per_bit(9, entropy, math.log(2)) for _ in contexts
        ],
    }
    language = ProductOfLags(lags, flips)
    for k, value in zip(contexts, given, strict=True):
        if difference := mismatch(value, language.optimal_loss(k)):
            unnamed = f"with lags {lags}, flips {flips} and k = {k}: {difference}"
            return named_mistake(given, [language.optimal_loss(k) for k in contexts], wrong, unnamed=unnamed)
    return None
