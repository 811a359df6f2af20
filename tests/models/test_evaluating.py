"""Evaluation mode for the length of a block."""

import pytest
from torch import nn

from lessons_lib.models import evaluating


def fails_while_evaluating(model: nn.Module) -> None:
    with evaluating(model):
        assert not any(part.training for part in model.modules())
        raise ArithmeticError


def test_every_part_gets_its_own_mode_back_also_after_an_error():
    model = nn.Sequential(nn.Dropout(), nn.Dropout())
    model[0].eval()
    with pytest.raises(ArithmeticError):
        fails_while_evaluating(model)
    assert (model.training, model[0].training, model[1].training) == (True, False, True)
