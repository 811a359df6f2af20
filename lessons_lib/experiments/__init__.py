"""Whole experiments as data in, artefact out, and the recipes that lessons and tests share."""

from lessons_lib.experiments.budget import BUDGETS, budget_name, by_budget

__all__ = ["BUDGETS", "budget_name", "by_budget"]
