"""The stable linear recurrence learns, and its scan pays."""

import pytest
import torch

from lessons_lib.bench import scan
from lessons_lib.lessons.lesson_13 import linear_language
from lessons_lib.stability import EigenvalueDisc


@pytest.mark.parametrize("projected", [False, True])
@pytest.mark.slow
def test_a_stable_linear_recurrence_is_within_2_percent_of_the_optimum(projected):
    for seed in range(3):
        result = linear_language.measure(seed, steps=120, projected=projected)
        assert result.ratio <= 1.02
        assert result.rate <= linear_language.BOUND * (1 + 1e-5)


def test_projection_keeps_what_would_leave_the_disc():
    model, stream = linear_language.factory(projected=True)()
    layer = model.core.blocks[0].recurrence
    layer.set_eigenvalues_(layer.eigenvalues().detach() * 1.1, layer.coordinates[:, 0] > 0)
    ball = EigenvalueDisc(linear_language.BOUND)
    assert not ball.contains(model)
    training = linear_language.train(model, stream, linear_language.settings(projected=True), steps=2, optimizer="adam")
    assert float(next(training).moved) > 0.01
    assert ball.contains(model)
    next(training)
    assert ball.contains(model)


@pytest.mark.alone
@pytest.mark.parametrize("backward", [False, True])
def test_the_scan_is_faster_than_its_loop_at_1024_steps(backward):
    ratios = []
    for _ in range(2):
        ratios.append(scan.ratio(4, 1024, 64, backward=backward))
        if ratios[-1] > 1:
            break
    assert ratios[-1] > 1, f"loop / scan = {ratios}, {torch.get_num_threads()} thread(s)"
