"""Lesson 05's checks accept right answers, in more than one form, and name each mistake."""

import time

import pytest
import torch

from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.lessons.lesson_05 import checks
from lessons_lib.models import generate


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (lambda t, n, recurrent: t + n - 1 if recurrent else n, "Right"),
        (lambda t, n, recurrent: n + (t - 1) * recurrent, "Right"),
        (lambda t, n, recurrent: t + n if recurrent else n, "count it once"),
        (lambda t, n, recurrent: t if recurrent else n, "by hand"),
        (lambda t, n, recurrent: t * n if recurrent else n, "staircase"),
        (lambda t, n, recurrent: t, "length 10, 1 layers of a feed-forward"),
        (lambda t, n, recurrent: t + ... if recurrent else n, NOT_ANSWERED),
    ],
)
def test_longest_chain(answer, line):
    assert line in checks.longest_chain(answer).message


def timed(result, duration=lambda now, started: now - started, warm=True):
    def tokens_per_second(work, batch, length, repeats, clock=time.perf_counter):
        if warm:
            work()
        taken = []
        for _ in range(repeats):
            started = clock()
            work()
            taken.append(duration(clock(), started))
        return result(batch, length, min(taken))

    return tokens_per_second


def right(batch, length, shortest):
    return batch * length / shortest


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (timed(right), "Right"),
        (timed(right, warm=False), "ran 3 times"),
        (timed(right, duration=lambda now, started: now), "too small"),
        (timed(lambda batch, length, shortest: 1 / shortest), "batches a second"),
        (timed(lambda batch, length, shortest: batch / shortest), "sequences a second"),
        (timed(lambda batch, length, shortest: length / shortest), "steps a second"),
        (timed(lambda batch, length, shortest: shortest / (batch * length)), "upside down"),
        (timed(lambda batch, length, shortest: 2 * right(batch, length, shortest)), "expected 50"),
        (timed(lambda batch, length, shortest: ... / shortest), NOT_ANSWERED),
    ],
)
def test_tokens_per_second(answer, line):
    assert line in checks.tokens_per_second(answer).message


def written(keep_state=True, reread=False, pick=lambda scores: scores.argmax(-1)):
    def write(model, prompt, length):
        unread, state, tokens = prompt, None, []
        for _ in range(length):
            features, new = model(unread, state)
            newest = pick(model.logits(features[:, -1:]))
            tokens.append(newest)
            state = new if keep_state and not reread else None
            unread = torch.cat([unread, newest], dim=1) if reread else newest
        return torch.cat(tokens, dim=1)

    return write


def nothing(model, prompt, length):
    """An empty body."""
    ...


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (written(), "Right"),
        (lambda model, prompt, length: generate(model, prompt, length, temperature=0), "Right"),
        (written(keep_state=False), "lost between two calls"),
        (written(reread=True), "[5, 6, 7, 8, 9, 10]"),
        (written(pick=lambda scores: scores.argmin(-1)), "not the most probable"),
        (lambda model, prompt, length: written()(model, prompt, length).T, "shape should be (2, 6)"),
        (lambda *given: torch.cat([given[1], written()(*given)], 1), "prompt is in it"),
        (lambda *given: written()(*given).tolist(), "not a list"),
        (nothing, NOT_ANSWERED),
    ],
)
def test_write(answer, line):
    assert line in checks.write(answer).message
