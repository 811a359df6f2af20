"""Checks of lesson 04's exercises."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.exercises import exercise, named_mistake
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
    return named_mistake(given, expected, {mistake: gradient(work) for mistake, work in wrong.items()})


@exercise("Every step moves the memory one place on, and what is n + 1 steps old falls off the end.")
def delay_line(answer: Callable[[int], Tensor]) -> str | None:
    """The W for which h = W h + e_1 x holds the last n inputs, newest first."""
    for n in (4, 7):
        given = torch.as_tensor(answer(n), dtype=torch.float64).detach()
        below, eye = torch.eye(n, dtype=torch.float64).roll(1, 0), torch.eye(n, dtype=torch.float64)
        below[0] = 0
        wrong = {
            "that moves each entry one place towards the first; the newest input comes in there": below.T,
            "nothing moves: the first entry adds up all inputs for ever": eye,
            "the oldest input comes back to the first place, on top of the newest: let it fall off": eye.roll(1, 0),
            "nothing is kept: h is the newest input alone": torch.zeros_like(eye),
        }
        if mistake := named_mistake(given, below, wrong):
            inputs, state = torch.arange(1.0, n + 1, dtype=torch.float64), torch.zeros(n, dtype=torch.float64)
            if given.shape == below.shape:
                for x in inputs:
                    state = given @ state
                    state[0] += x
                mistake += f" (n = {n}, inputs 1 to {n}: your state is {[round(float(v), 2) for v in state]})"
            return mistake
    return None
