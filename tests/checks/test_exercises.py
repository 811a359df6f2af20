"""Checks see blanks, name mistakes and turn every exception of the learner into one line."""

import re

import numpy as np
import pytest
import torch

from lessons_lib import checks
from lessons_lib.checks import NOT_ANSWERED, exercise, is_blank, mismatch, named_mistake, pair, whole


@exercise("Well done.")
def double(answer):
    return mismatch(answer(3.0), 6.0)


@exercise("Well done.")
def three(answer):
    return mismatch(answer, 3)


def empty(x): ...


def only_docstring(x):
    """Twice x."""


def only_pass(x):
    pass


def returns_blank(x):
    return ...


def not_implemented(x):
    raise NotImplementedError


def blank_in_expression(x):
    return x * ...


def blank_name(x):
    factor = ...
    return factor


def blank_in_tensor(x):
    return torch.tensor(x) * ...


@pytest.mark.parametrize(
    "blank",
    [
        ...,
        empty,
        only_docstring,
        only_pass,
        returns_blank,
        not_implemented,
        blank_in_expression,
        blank_name,
        blank_in_tensor,
        lambda x: ...,
    ],
)
def test_a_blank_is_not_answered_yet(blank):
    verdict = double(blank)
    assert not verdict.passed
    assert verdict.message == NOT_ANSWERED


def test_a_blank_inside_a_container_is_seen():
    assert is_blank((1, ...))
    assert is_blank({"k": ...})
    assert not is_blank((1, 2))
    assert three(...).message == NOT_ANSWERED


def test_an_ellipsis_that_indexes_is_no_blank():
    def last(x, column=0):
        return torch.tensor([[2 * x]])[..., column][0]

    assert double(last).passed


def test_right_wrong_and_broken_answers_get_one_line_each():
    assert repr(double(lambda x: 2 * x)) == "Right. Well done."
    assert double(lambda x: 2 * x)
    assert repr(double(lambda x: x)) == "Not yet: expected 6, yours is 3"
    assert repr(double(lambda x: 1 / 0)) == "Your code raised ZeroDivisionError: division by zero"
    assert double(lambda: 0).message.startswith("Your code raised TypeError")
    assert repr(double(lambda x: None)) == NOT_ANSWERED

    def forgets_to_return(x):
        x = 2 * x

    assert "is a return missing?" in double(forgets_to_return).message
    assert "yours is a str" in three("many").message


def test_an_answer_of_an_unexpected_kind_still_gets_one_line():
    @exercise("")
    def larger_than_two(answer):
        return None if answer > 2 else "too small"

    assert larger_than_two(3).passed
    assert "cannot be checked (TypeError" in larger_than_two("many").message


def test_mismatch_names_shape_nan_and_size_of_the_difference():
    assert mismatch([1.0, 2.0], torch.tensor([1.0, 2.0])) is None
    assert mismatch(torch.zeros(2), torch.zeros(3)) == "the shape should be (3,), yours is (2,)"
    assert mismatch(torch.tensor([float("nan")]), torch.zeros(1)) == "there is a NaN or an infinity in it"
    assert mismatch([1.0, 2.5], [1.0, 2.0]) == "the largest difference from the expected values is 0.5"
    assert mismatch(1000.0001, 1000.0) is None


def test_a_known_wrong_answer_is_named_and_another_is_compared_with_the_right_one():
    wrong = {"the sign is lost": -2.0, "not doubled": 1.0, "the same as right": 2.0}
    assert named_mistake(2.0, 2.0, wrong) is None
    assert named_mistake(-2.0, 2.0, wrong) == "the sign is lost"
    assert named_mistake(1.05, 2.0, wrong, 0.1, named="for x: {}") == "for x: not doubled"
    assert named_mistake(7.0, 2.0, wrong, unnamed="for x: {}") == "for x: expected 2, yours is 7"
    assert named_mistake("ba", "ab", {"reversed": "ba"}, None) == "reversed"
    assert named_mistake("b", "ab", {"reversed": "ba"}, None) == "expected ab, yours is b"


def test_two_numbers_that_differ_are_shown_with_as_many_digits_as_it_takes():
    assert mismatch(0.12684, 0.12681) == "expected 0.12681, yours is 0.12684"
    assert mismatch(1 + 2**-52, 1.0, 0.0) == "expected 1, yours is 1.0000000000000002"


@pytest.mark.parametrize("three", [3, np.int64(3), np.array(3), torch.tensor(3), torch.tensor([3])])
def test_a_whole_number_may_come_from_python_numpy_or_torch(three):
    assert whole(three) == 3
    assert type(whole(three)) is int


@pytest.mark.parametrize("other", [3.0, np.float64(3), torch.tensor(3.0), "3", [3], None])
def test_what_is_no_whole_number_is_told_from_one(other):
    assert whole(other) is None


@pytest.mark.parametrize(
    "two", [(0.5, 2), [0.5, 2], np.array([0.5, 2]), torch.tensor([0.5, 2]), [torch.tensor(0.5), 2]]
)
def test_two_numbers_may_stand_in_any_sequence(two):
    assert pair(two) == (0.5, 2.0)


@pytest.mark.parametrize("other", [0.5, (1, 2, 3), [1], "ab", [torch.ones(2), 1.0], torch.tensor(1.0)])
def test_what_holds_no_two_numbers_is_told_from_a_pair(other):
    assert pair(other) is None


def test_the_import_that_the_room_s_docstring_shows_works():
    (line,) = re.findall(r"``(from [^`]+)``", checks.__doc__)
    found = {}
    exec(line, found)  # a line of our own
    assert found["checks"].smallest_context
