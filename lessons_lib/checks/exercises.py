"""Checks of exercises: they name the mistake, see a blank, and never break *Run All*."""

from __future__ import annotations

import dis
from collections.abc import Callable, Mapping
from functools import wraps
from operator import index
from typing import Any

import torch

from lessons_lib.checks.verdict import NOT_ANSWERED, Verdict

Check = Callable[..., str | None]


def exercise(right: str) -> Callable[[Check], Callable[..., Verdict]]:
    """Make a check out of a function that returns the mistake in one line, or None when there is none.

    The learner's answer is the function's first argument: a value, or a function of theirs, which the check
    may call freely.  A blank (``...``, an empty body, NotImplementedError) and any exception become a
    :class:`Verdict` too; ``right`` is its message when nothing is wrong.
    """

    def decorate(check: Check) -> Callable[..., Verdict]:
        @wraps(check)
        def verdict(answer: Any, *more: Any) -> Verdict:
            if any(is_blank(part) for part in (answer, *more)):
                return Verdict(False, NOT_ANSWERED)
            try:
                mistake = check(*(_watched(part) for part in (answer, *more)))
            except (_BlankError, NotImplementedError):
                return Verdict(False, NOT_ANSWERED)
            except _AnswerError as error:
                return Verdict(False, str(error))
            except Exception as error:  # an answer of a kind the check did not think of
                return Verdict(False, f"Not yet: this cannot be checked ({type(error).__name__}: {error})")
            return Verdict(False, f"Not yet: {mistake}") if mistake else Verdict(True, f"Right. {right}")

        return verdict

    return decorate


def is_blank(answer: Any) -> bool:
    """``...`` itself, a container holding it, or a function whose body is only that, ``pass`` or a docstring."""
    if answer is Ellipsis:
        return True
    if isinstance(answer, (tuple, list)):
        return any(part is Ellipsis for part in answer)
    if isinstance(answer, Mapping):
        return any(part is Ellipsis for part in answer.values())
    code = getattr(answer, "__code__", None)
    if code is None:
        return False
    real = [i for i in dis.get_instructions(code) if i.opname not in ("RESUME", "NOP", "CACHE")]
    return real[0].opname in ("LOAD_CONST", "RETURN_CONST") and len(real) <= 2 and real[0].argval in (None, ...)


def mismatch(answer: Any, expected: Any, tolerance: float = 1e-6) -> str | None:
    """How an answer differs from the expected number or tensor, in one line; None when it agrees.

    ``tolerance`` is relative to the largest expected magnitude (absolute below 1).
    """
    try:
        given = torch.as_tensor(answer, dtype=torch.float64).detach()
    except (TypeError, ValueError, RuntimeError):
        return f"expected a number or a tensor, yours is a {type(answer).__name__}"
    wanted = torch.as_tensor(expected, dtype=torch.float64)
    if given.shape != wanted.shape:
        return f"the shape should be {tuple(wanted.shape)}, yours is {tuple(given.shape)}"
    if not torch.isfinite(given).all():
        return "there is a NaN or an infinity in it"
    difference = float((given - wanted).abs().max()) if wanted.numel() else 0.0
    scale = max(1.0, float(wanted.abs().max())) if wanted.numel() else 1.0
    if difference <= tolerance * scale:
        return None
    if wanted.ndim == 0:
        for digits in range(4, 18):  # as many as it takes to see that they differ
            shown = [f"{float(number):.{digits}g}" for number in (wanted, given)]
            if shown[0] != shown[1]:
                break
        return f"expected {shown[0]}, yours is {shown[1]}"
    return f"the largest difference from the expected values is {difference:.2g}"


def named_mistake(
    given: Any,
    right: Any,
    wrong: Mapping[str, Any],
    tolerance: float | None = 1e-6,
    *,
    named: str = "{}",
    unnamed: str = "{}",
) -> str | None:
    """What is wrong with an answer, in one line; None when it is right.

    Args:
        right: the right answer.
        wrong: known wrong answers by the mistake that leads to them; the first one that was given is named.
        tolerance: as for :func:`mismatch`; None: answers are compared with ``==``.
        named, unnamed: the line for a mistake that has a name here, and for another one, ``{}`` being the mistake's
            name or the difference from the right answer.
    """

    def difference(expected: Any) -> str | None:
        if tolerance is not None:
            return mismatch(given, expected, tolerance)
        return None if given == expected else f"expected {expected}, yours is {given}"

    told = difference(right)
    if told is None:
        return None
    for mistake, answer in wrong.items():
        if difference(answer) is None:
            return named.replace("{}", mistake)
    return unnamed.replace("{}", told)


def whole(answer: Any) -> int | None:
    """A whole number as an int, be it Python's, numpy's or torch's; None when it is not one."""
    try:
        return index(answer)
    except TypeError:
        return None


def pair(answer: Any) -> tuple[float, float] | None:
    """The two numbers of a tuple, a list, an array or a tensor; None when it does not hold two."""
    try:
        first, second = map(float, answer)
    except (TypeError, ValueError, RuntimeError):  # the last is torch's for an entry of several numbers
        return None
    return first, second


class _BlankError(Exception):
    """The learner's function still has a blank in it."""


class _AnswerError(Exception):
    """The learner's function raised; the message is the line to show."""


def _watched(answer: Any) -> Any:
    """The learner's function, telling its blanks and its exceptions from the check's own."""
    if not callable(answer) or isinstance(answer, torch.nn.Module):
        return answer

    @wraps(answer)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            result = answer(*arguments, **named)
        except NotImplementedError as error:
            raise _BlankError from error
        except Exception as error:
            # An unfilled ``...`` inside an expression is an error that names it.
            if isinstance(error, (TypeError, RuntimeError)) and "ellipsis" in str(error).lower():
                raise _BlankError from error
            raise _AnswerError(f"Your code raised {type(error).__name__}: {error}") from error
        if is_blank(result):
            raise _BlankError
        if result is None:
            raise _AnswerError("Your function returned nothing: is a return missing?")
        return result

    return call
