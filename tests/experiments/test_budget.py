"""One source, three sizes."""

import pytest

from lessons_lib.experiments import by_budget


@pytest.mark.parametrize(("name", "value"), [("ci", 1), ("laptop", 2), ("gpu", 3), ("", 2), (None, 2)])
def test_the_environment_picks_the_value_and_laptop_is_the_default(monkeypatch, name, value):
    monkeypatch.delenv("LESSONS_BUDGET", raising=False)
    if name is not None:
        monkeypatch.setenv("LESSONS_BUDGET", name)
    assert by_budget(ci=1, laptop=2, gpu=3) == value


def test_a_gpu_does_what_a_laptop_does_unless_told_otherwise(monkeypatch):
    monkeypatch.setenv("LESSONS_BUDGET", "gpu")
    assert by_budget(ci=1, laptop=2) == 2


def test_an_unknown_budget_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("LESSONS_BUDGET", "huge")
    with pytest.raises(ValueError, match="LESSONS_BUDGET=huge: set it to one of ci, laptop, gpu"):
        by_budget(ci=1, laptop=2)
