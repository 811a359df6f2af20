"""The rivals are of one size and learn; the linear recurrence is certified; and its scan pays."""

import pytest
import torch

from lessons_lib.bench import scan
from lessons_lib.lessons.lesson_13 import parallel_recurrence
from lessons_lib.lessons.lesson_13.parallel_recurrence import BOUND, PROJECTED
from lessons_lib.stability import EigenvalueDisc
from lessons_lib.training import train


@pytest.mark.parametrize("name", ["linear recurrence", PROJECTED])
@pytest.mark.slow
def test_a_stable_linear_recurrence_is_within_2_percent_of_the_optimum(name):
    for seed in range(3):
        found = parallel_recurrence.point(name, seed, steps=120)
        assert found.ratio <= 1.02
        assert found.rate <= BOUND * (1 + 1e-5)


def test_projection_keeps_what_would_leave_the_disc():
    model, stream = parallel_recurrence.factory(PROJECTED)()
    layer = model.core.blocks[0].recurrence
    layer.set_eigenvalues_(layer.eigenvalues().detach() * 1.1, layer.coordinates[:, 0] > 0)
    ball = EigenvalueDisc(BOUND)
    assert not ball.contains(model)
    training = train(model, stream, parallel_recurrence.settings(PROJECTED), steps=2, optimizer="adam")
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


def test_the_rivals_are_of_nearly_the_same_size():
    models = [parallel_recurrence.factory(name)()[0] for name in parallel_recurrence.RIVALS]
    sizes = [sum(p.numel() for p in model.parameters()) for model in models]
    assert max(sizes) < 1.1 * min(sizes)


def test_the_linear_recurrence_learns():
    assert parallel_recurrence.point("linear recurrence", 0, steps=60).ratio < 1.1


def test_only_the_linear_recurrence_is_certified():
    assert parallel_recurrence.point("TCN", 0, steps=1).rate is None
    with pytest.raises(ValueError, match="choose one of"):
        parallel_recurrence.factory("GRU")()


def test_speeds_are_positive():
    assert parallel_recurrence.training_speed("TCN", batch_size=1, steps=16) > 0
    assert parallel_recurrence.reading_speed("linear recurrence", steps=4) > 0


def test_what_is_stored_holds_three_seeds_within_two_percent_of_the_optimum():
    stored = parallel_recurrence.PARALLEL.read()
    assert set(stored.summary["speed"]) == set(parallel_recurrence.RIVALS)
    linear = [p for p in stored.points if p.name == "linear recurrence"]
    assert len(linear) == 3
    assert all(p.ratio <= 1.02 and p.rate <= 0.98 for p in linear)
