"""Checks see blanks, name mistakes and turn every exception of the learner into one line."""

import pytest
import torch

from lessons_lib.checks import NOT_ANSWERED, exercise, is_blank, mismatch, named_mistake


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
