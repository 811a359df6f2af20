"""Checks of lesson 13's exercises."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate, product

import torch
from torch import Tensor

from lessons_lib.checks.exercises import exercise, mismatch, named_mistake, pair


@exercise("Joining is associative: that is why it does not matter which neighbours are joined first.")
def join(answer: Callable[[float, float, float, float], tuple[float, float]]) -> str | None:
    """(a b, b u + v) from (a, u, b, v): first h -> a h + u, then h -> b h + v."""
    for a, u, b, v in ((0.5, 3.0, 0.25, 7.0), (2.0, -1.0, 3.0, 0.5)):
        given = pair(answer(a, u, b, v))
        if given is None:
            return "return two numbers: what the old state is multiplied by, and what is added"
        wrong = {
            "what the first stretch added is multiplied by the second one's factor too": u + v,
            "the later stretch acts on what the earlier one added: its factor is b, not a": a * u + v,
            "the later stretch acts on the earlier one, not the other way round": u + a * v,
            "b multiplies what was there before, not what the second stretch adds": b * (u + v),
        }
        if mismatch(given[0], a * b) is not None:
            return "the old state is multiplied by a, then by b"
        if mistake := named_mistake(given[1], b * u + v, wrong, unnamed="what is added: {}"):
            return mistake
    return None


@exercise("log2(T) rounds in place of T steps; each round is one addition over the whole sequence.")
def scan(answer: Callable[[float, Tensor], Tensor]) -> str | None:
    """All states of h_t = rate h_{t-1} + u_t, h_0 = 0, from (rate, inputs: (T,))."""
    for rate, inputs in (
        (0.5, torch.tensor([8.0, 4.0, 2.0, 1.0, 5.0], dtype=torch.float64)),
        (0.9, torch.arange(1, 12, dtype=torch.float64)),
    ):
        expected, h = [], torch.zeros((), dtype=torch.float64)
        for u in inputs:
            h = rate * h + u
            expected.append(h)

        def doubled(power: Callable[[int], float], rate: float = rate, inputs: Tensor = inputs) -> Tensor:
            states, span = inputs.clone(), 1
            while span < len(states):
                states = torch.cat([states[:span], states[span:] + rate ** power(span) * states[:-span]])
                span *= 2
            return states

        given = answer(rate, inputs)
        wrong = {
            "right up to four inputs: when span is 4, power must be rate ** 4, and yours is rate ** 3": doubled(
                lambda span: 1 + int(math.log2(span))
            ),
            "what is span steps older has faded by rate ** span, not by rate": doubled(lambda span: 1),
            "what is span steps older has faded span times: rate ** span": doubled(lambda span: 2 * span),
            "nothing has faded: the exponent is span": doubled(lambda span: 0),
        }
        unnamed = f"for inputs {inputs.tolist()}: {{}}"
        if mistake := named_mistake(given, torch.stack(expected), wrong, unnamed=unnamed):
            return mistake
    return None


@exercise("A factor of -1 turns and loses nothing: no power of it fades, and none explodes.")
def parity(answer: Callable[[int], tuple[float, float]]) -> str | None:
    """λ(x) and b(x) of h -> λ(x) h + b(x), from h = 1, so that h is below 0 after an odd number of ones."""
    steps = [step for bit in (0, 1) if (step := pair(answer(bit)))]
    if len(steps) < 2:
        return "return two numbers: what the state is multiplied by, and what is added"
    streams = [*product((0, 1), repeat=4), *product((0, 1), repeat=9), (1, 0, 0) * 100, (1, 1) * 200]
    for bits in streams:
        states = list(accumulate(bits, lambda h, bit: steps[bit][0] * h + steps[bit][1], initial=1.0))[1:]
        odd = [count % 2 == 1 for count in accumulate(bits)]
        wrong = [t for t, (h, is_odd) in enumerate(zip(states, odd, strict=True)) if (h < 0) != is_odd]
        said = "".join(map(str, bits[:9])) + ("..." if len(bits) > 9 else "")
        largest, least = max(map(abs, states)), min(map(abs, states))
        if least < 1e-3:
            return f"after {len(bits)} bits {said} no more than {least:.0e} is left of h: it fades into rounding"
        if largest > 1e3:
            return f"after {len(bits)} bits {said} h has grown to {largest:.0e}: it leaves every range of numbers"
        if wrong:
            if steps[1][0] >= 0 and steps[1][1] == 0:
                return "a factor that is not negative never turns the sign, whatever the bits are"
            t = wrong[0]
            return f"bits {said}: after {t + 1} of them h is {states[t]:g}, the number of ones is {sum(bits[: t + 1])}"
    return None


@exercise("A coarse rule, and hard to fool.")
def told_apart(answer: Callable[[Sequence[float], Sequence[float]], bool]) -> str | None:
    """Whether every number of one list lies below every number of the other."""
    cases = (
        ([1.0, 1.2, 1.1], [1.3, 1.5], True),
        ([1.3, 1.5], [1.0, 1.2, 1.1], True),
        ([1.0, 1.4], [1.2, 1.6], False),
        ([1.0, 2.0], [1.4, 1.5], False),
    )
    for first, second, expected in cases:
        given = answer(first, second)
        if bool(given) == expected:
            continue
        case = f"{first} and {second}"
        if (first, second) == ([1.3, 1.5], [1.0, 1.2, 1.1]):
            return f"{case}: either of the two may be the lower one"
        if not expected and min(second) > min(first) and max(first) > max(second):
            return f"{case}: the second lies inside the first's range; that is an overlap"
        return f"{case}: they {'do not overlap' if expected else 'overlap, whatever their means'}"
    return None
