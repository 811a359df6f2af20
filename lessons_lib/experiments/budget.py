"""One notebook source, three sizes of experiment: ``LESSONS_BUDGET`` is ci, laptop (the default) or gpu."""

from __future__ import annotations

import os
from typing import TypeVar

BUDGETS = ("ci", "laptop", "gpu")
Value = TypeVar("Value")


def budget_name() -> str:
    """The budget in force.

    Raises:
        ValueError: LESSONS_BUDGET is set to something else than a budget.
    """
    name = os.environ.get("LESSONS_BUDGET") or "laptop"
    if name not in BUDGETS:
        raise ValueError(f"LESSONS_BUDGET={name}: set it to one of {', '.join(BUDGETS)}, or unset it for laptop")
    return name


def by_budget(*, ci: Value, laptop: Value, gpu: Value | None = None) -> Value:
    """The value for the budget in force; a GPU does what a laptop does unless told otherwise.

    Raises:
        ValueError: as :func:`budget_name`.
    """
    return {"ci": ci, "laptop": laptop, "gpu": laptop if gpu is None else gpu}[budget_name()]
