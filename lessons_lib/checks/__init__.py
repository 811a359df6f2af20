"""Predictions, self-test questions and checks of exercises: plain values, no widgets.

Each lesson's own checks are a module: ``from lessons_lib.lessons.lesson_00 import checks``.
"""

from lessons_lib.checks.exercises import exercise, is_blank, mismatch, named_mistake, pair, whole
from lessons_lib.checks.questions import Question, predict, question
from lessons_lib.checks.verdict import NOT_ANSWERED, Verdict

__all__ = [
    "NOT_ANSWERED",
    "Question",
    "Verdict",
    "exercise",
    "is_blank",
    "mismatch",
    "named_mistake",
    "pair",
    "predict",
    "question",
    "whole",
]
