"""Checks of lesson 05's exercises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.checks.exercises import exercise, named_mistake
from lessons_lib.models import LSTM, LanguageModel, Predictor, generate, seeded


@exercise("The recurrent chain grows with the text, the feed-forward one with the stack alone.")
def longest_chain(answer: Callable[[int, int, bool], int]) -> str | None:
    """Operations in the longest chain of a recurrent or a feed-forward stack."""
    cases = [
        (length, layers, recurrent) for length, layers in ((10, 1), (10, 3), (256, 2)) for recurrent in (True, False)
    ]
    given = [answer(*case) for case in cases]
    wrong: dict[str, Callable[[int, int], int]] = {
        "the first cell belongs to both the way up and the way along: count it once": lambda t, n: t + n,
        "with one layer that is one too many or too few: try length 10, 1 layer, by hand": lambda t, n: t,
        "layers need not wait for each other's whole sequence: they climb like a staircase": lambda t, n: t * n,
        "the first layer is on the way in any case: only the other layers are added": lambda t, n: t + n + 1,
    }
    known = {
        mistake: [chain(t, n) if recurrent else n for t, n, recurrent in cases] for mistake, chain in wrong.items()
    }
    right = [length + layers - 1 if recurrent else layers for length, layers, recurrent in cases]
    for (length, layers, recurrent), value, expected in zip(cases, given, right, strict=True):
        if value != expected:
            kind = f"{layers} layers of {'a recurrent' if recurrent else 'a feed-forward'} model"
            unnamed = f"length {length}, {kind}: the chain has {expected} operations, yours {value}"
            return named_mistake(given, right, known, None, unnamed=unnamed)
    return None


@exercise("The shortest of several runs, after one to warm up.")
def tokens_per_second(answer: Callable[..., float]) -> str | None:
    """Throughput on a clock of its own: every run takes a time that is known."""
    batch, length, taken = 4, 25, (9.0, 3.0, 2.0, 5.0)
    now, runs = 100.0, 0

    def work() -> None:
        nonlocal now, runs
        now += taken[runs % len(taken)]
        runs += 1

    given = answer(work, batch, length, 3, clock=lambda: now)
    if runs != 4:
        return f"work() ran {runs} times; one run to warm up and {3} that count"
    wrong = {
        "you divide by a time of day: a duration is the clock now less the clock at the start": batch * length / 100,
        "that is batches a second: every run handles batch x length tokens": 1 / 2,
        "that is sequences a second: each has length tokens": batch / 2,
        "that is steps a second: each handles a whole batch": length / 2,
        "that is seconds a token, turned upside down": 2 / (batch * length),
    }
    right = batch * length / 2
    small = given > 0 and abs(given) < 1 and abs(given - right) > 1
    unnamed = "too small: is each duration the clock now less the clock when it started?" if small else "{}"
    return named_mistake(given, right, wrong, unnamed=unnamed)


@exercise("One new token a call: the state stands for the rest.")
def write(answer: Callable[[Any, Tensor, int], Tensor]) -> str | None:
    """Greedy generation from a small LSTM, and what it read for it."""
    with seeded(0):
        model = LanguageModel(LSTM(6, 12), 30, 6).double().eval()
        nn.init.normal_(model.decoder.weight, std=3.0)  # so that the path depends on the state
        nn.init.normal_(model.embedding.weight)
        prompt = torch.randint(30, (2, 5))
    length, read = 6, []
    hook = model.register_forward_pre_hook(lambda _, arguments: read.append(arguments[0].shape[1]))
    try:
        with torch.no_grad():
            given = answer(model, prompt, length)
    finally:
        hook.remove()
    right = generate(model, prompt, length, temperature=0)
    if not isinstance(given, Tensor):
        return f"give back a tensor of tokens, not a {type(given).__name__}: torch.stack or torch.cat them"
    if given.shape == (2, 5 + length):
        return "the prompt is in it: give back the new tokens alone"
    if given.shape != right.shape:
        return f"the shape should be {tuple(right.shape)}, yours is {tuple(given.shape)}"
    if not torch.equal(given, right):
        if torch.equal(given, _without_state(model, prompt, length)):
            return "the state is lost between two calls: pass on what the last call gave back"
        return "these are not the most probable tokens, each after those before it"
    if max(read[1:], default=1) > 1:
        return f"the tokens are right, but your calls read {read} tokens: after the prompt one is enough"
    return None


@torch.no_grad()
def _without_state(model: Predictor, prompt: Tensor, length: int) -> Tensor:
    unread, written = prompt, []
    for _ in range(length):
        features, _ = model(unread)
        unread = model.logits(features[:, -1:]).argmax(-1)
        written.append(unread)
    return torch.cat(written, dim=1)
