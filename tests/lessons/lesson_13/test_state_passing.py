"""A model that forgets slowly fails past its training length, and passing states cures it, on every seed."""

import pytest
import torch

from lessons_lib.lessons.lesson_13 import state_passing
from lessons_lib.lessons.lesson_13.state_passing import LENGTH, MODES
from lessons_lib.training import train


def stored(memory, mode):
    return sorted(
        (p for p in state_passing.PASSING.read().points if (p.memory, p.mode) == (memory, mode)), key=lambda p: p.seed
    )


def test_the_switch_decides_what_state_a_step_starts_from_while_the_model_trains():
    model, stream = state_passing.factory("forgets slowly")()
    starts = []
    core_forward = model.core.forward
    model.core.forward = lambda inputs, state=None: (starts.append(state), core_forward(inputs, state))[1]
    records = train(model, stream, state_passing.settings(), optimizer="adam")
    for carries in (False, False, True, True, False):
        stream.carries_state = carries
        next(records)
    assert [state is not None for state in starts] == [False, False, True, True, False]


def test_state_passing_cures_within_a_hundred_steps():
    """The stored experiment's first seed, cut short: 120 steps from zero, then 60 with and without passing."""
    found = {}
    for passed in (False, True):
        model, stream = state_passing.factory("forgets slowly")()
        for record in train(model, stream, state_passing.settings(), optimizer="adam", steps=180):
            stream.carries_state = passed and record.step >= 119
        (_, within), *_, (_, beyond) = state_passing.loss_by_position(model)
        found[passed] = (within, beyond, state_passing.state_growth(model))
    print(f"(loss at 32, loss at 1,024, growth of the state) from zero {found[False]}, then passed {found[True]}")
    assert found[False][1] > found[False][0] + 0.1
    assert found[True][1] < found[False][1] - 0.1


def test_the_artefact_holds_every_training_with_equal_steps():
    points = state_passing.PASSING.read().points
    assert not state_passing.PASSING.missing()
    assert len({mode.from_zero + mode.passed for mode in MODES.values()}) == 1
    assert len({p.parameters for p in points}) == 1
    assert all(p.positions[0] == LENGTH and p.positions[-1] == state_passing.READ for p in points)


@pytest.mark.parametrize("mode", ["state passing", "zero, then passing"])
def test_on_every_stored_seed_the_failure_past_the_training_length_is_cured(mode):
    for failed, cured in zip(stored("forgets slowly", "zero states"), stored("forgets slowly", mode), strict=True):
        print(f"seed {failed.seed}: zero states {failed.loss}, {mode} {cured.loss}")
        assert failed.loss[-1] > failed.loss[0] + 0.2
        assert cured.loss[-1] < cured.loss[0] + 0.1
        assert cured.loss[0] < failed.loss[0] + 0.1


def test_a_model_that_forgets_within_its_training_length_needs_no_cure():
    for point in stored("forgets soon", "zero states"):
        assert point.loss[-1] < point.loss[0] + 0.03
        assert point.state_growth < 1.1
    assert min(p.state_growth for p in stored("forgets slowly", "zero states")) > 1.3


def test_the_loss_by_position_is_the_mean_of_its_stretches():
    torch.manual_seed(0)
    model, _ = state_passing.factory("forgets soon")()
    assert [end for end, _ in state_passing.loss_by_position(model, read=256)] == [32, 64, 128, 256]
    assert state_passing.loss_by_position(model, read=64)[0][1] == pytest.approx(1.386, abs=0.3)


def test_the_probe_reads_past_the_training_length_and_beyond_what_a_model_that_forgets_keeps():
    torch.manual_seed(0)
    model, _ = state_passing.factory("forgets soon")()
    found = state_passing.probe(model, state_passing.settings())
    assert found.held_out_loss == pytest.approx(1.386, abs=0.3)
    assert len(found.truncation_error) == 2 * LENGTH
    assert found.truncation_error[0] > 1e-2
    assert found.truncation_error[-1] < 1e-5  # .8^64
