"""The counts of Newton's method follow the Lyapunov exponent, here and in the stored points."""

import pytest
import torch

from lessons_lib.lessons.lesson_13 import newton
from lessons_lib.models import TanhRNN, looped_states
from lessons_lib.stability import lyapunov_exponents


@pytest.mark.parametrize("gain", [0.5, 1.3, 2.5])
def test_the_exponent_by_hand_is_the_library_s(gain):
    weight, drive = newton.system(gain, 40)
    core = TanhRNN(newton.UNITS, newton.UNITS).double()
    cell = core.cells[0]
    with torch.no_grad():
        cell.weight_hh_l0.copy_(weight), cell.weight_ih_l0.copy_(torch.eye(newton.UNITS))
        cell.bias_ih_l0.zero_(), cell.bias_hh_l0.zero_()
    expected = lyapunov_exponents(core, drive[None], 1).item()
    assert newton.largest_exponent(weight, looped_states(weight, drive)) == pytest.approx(expected, rel=1e-9)


def test_one_seed_is_one_system_whatever_its_gain_and_length():
    weight, drive = newton.system(0.5, 10, seed=1)
    other, longer = newton.system(2.0, 20, seed=1)
    torch.testing.assert_close(other, 4 * weight)
    assert torch.equal(longer[:10], drive)


@pytest.mark.parametrize(("gain", "length"), [(0.8, 64), (2.0, 64)])
def test_the_artefact_says_what_is_measured_here(gain, length):
    found = newton.point(gain, length, 0)
    (stored,) = [p for p in newton.NEWTON.read().points if (p.gain, p.length, p.seed) == (gain, length, 0)]
    assert found.exponent == pytest.approx(stored.exponent, abs=1e-6)
    # Another machine rounds otherwise; where the exponent is positive, that can cost an iteration or two.
    assert abs(found.iterations - stored.iterations) <= 2
    assert found.residual <= newton.TOLERANCE


def test_the_artefact_holds_every_point_and_its_counts_jump_where_the_exponent_turns_positive():
    points = newton.NEWTON.read().points
    assert not newton.NEWTON.missing()
    assert all(point.iterations <= point.length for point in points)
    forgets = [p for p in points if p.exponent < -0.1]
    expands = [p for p in points if p.exponent > 0.05 and p.length >= 128]
    most, least = max(p.iterations for p in forgets), min(p.iterations for p in expands)
    print(
        f"exponent below -.1: at most {most} iterations at T up to 512; above .05: at least {least} at T = 128 and more"
    )
    assert most < least / 2
    assert max(p.distance for p in forgets) <= 1e-9
