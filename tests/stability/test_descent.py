"""The linear system's loss, curvature and safe steps agree with sampling, autograd and finite differences."""

import math

import pytest
import torch

from lessons_lib.stability import descend, safe_step_at_optimum, system_loss


def scalar(value):
    return torch.tensor([[value]], dtype=torch.float64)


def largest_safe_step(start, target, length, steps=50):
    """Measured: the largest step up to which descent from ``start`` never climbs above its first loss.

    On a logarithmic grid from 1e-40 to 1e4, as the end of its unbroken safe part, then refined to 1e-8.  Where a few
    small steps cannot reach the steep region around the target, large ones look safe: start near it.
    """
    low, high = -40.0, 4.0
    for points in (89, *[129] * 4):
        exponents = torch.linspace(low, high, points, dtype=torch.float64)
        losses = descend(start, target, length, 10**exponents, steps)[1]
        safe = (losses <= losses[0] * (1 + 1e-12)).all(0)  # NaN compares false
        first = int((~safe).int().argmax())
        assert not safe[first], "no step on the grid is too large"
        low, high = float(exponents[max(first - 1, 0)]), float(exponents[first])
    return 10.0**low


def test_the_loss_is_the_expected_squared_error_of_the_last_state():
    torch.manual_seed(0)
    matrix, target = 0.4 * torch.randn(2, 3, 3).double(), None
    matrix, target = matrix[0], matrix[1]
    h = g = torch.zeros(200_000, 3).double()
    for _ in range(4):
        x = torch.randn(200_000, 3).double()
        h, g = h @ matrix.T + x, g @ target.T + x
    sampled = (h - g).square().sum(1).mean() / 2
    assert system_loss(matrix, target, 4).item() == pytest.approx(sampled.item(), rel=0.02)


@pytest.mark.parametrize("a", [0.5, 0.95, 1.05, 1.2])
@pytest.mark.parametrize("length", [2, 10, 40])
def test_the_scalar_safe_step_is_two_over_the_closed_form_curvature(a, length):
    curvature = sum(j**2 * a ** (2 * j - 2) for j in range(1, length))
    assert safe_step_at_optimum(scalar(a), length).item() == pytest.approx(2 / curvature, rel=1e-10)


def test_the_matrix_safe_step_is_two_over_the_largest_eigenvalue_of_the_hessian():
    torch.manual_seed(0)
    for scale in (0.5, 1.2):
        target = scale * torch.linalg.qr(torch.randn(3, 3).double())[0] + 0.1 * torch.randn(3, 3).double()
        hessian = torch.autograd.functional.hessian(lambda a, t=target: system_loss(a, t, 7), target)
        expected = 2 / torch.linalg.eigvalsh(hessian.reshape(9, 9))[-1]
        torch.testing.assert_close(safe_step_at_optimum(target, 7), expected, rtol=1e-8, atol=0)
        # and finite differences of the loss along the steepest direction
        direction = torch.linalg.eigh(hessian.reshape(9, 9))[1][:, -1].reshape(3, 3)
        slopes = [system_loss(target + s * 1e-3 * direction, target, 7) for s in (-2, -1, 1, 2)]
        second = (-slopes[0] + 16 * slopes[1] + 16 * slopes[2] - slopes[3]) / (12 * 1e-6)
        assert second.item() == pytest.approx((2 / expected).item(), rel=1e-4)


def test_the_measured_safe_step_is_exact_on_a_quadratic_and_tends_to_the_curvatures():
    assert largest_safe_step(scalar(0.0), scalar(0.7), 2) == pytest.approx(2, rel=1e-8)
    for a in (0.5, 1.2):
        near = largest_safe_step(scalar(a + 1e-6), scalar(a), 10)
        assert near == pytest.approx(safe_step_at_optimum(scalar(a), 10).item(), rel=1e-3)


def test_unstable_targets_need_steps_that_vanish_with_length():
    logs = {
        a: [math.log10(largest_safe_step(scalar(0.9 * a), scalar(a), length)) for length in (5, 10, 20)]
        for a in (0.5, 1.2)
    }
    assert max(logs[0.5]) - min(logs[0.5]) < 0.05
    assert logs[0.5][0] > -0.5
    assert logs[1.2][0] > logs[1.2][1] + 1
    assert logs[1.2][1] > logs[1.2][2] + 2


def test_descent_follows_autograd_and_its_options():
    torch.manual_seed(0)
    start, target = 0.3 * torch.randn(2, 2, 2).double()
    path, losses = descend(start, target, 5, torch.tensor([0.05, 0.1]), 3)
    assert path.shape == (4, 2, 2, 2)
    torch.testing.assert_close(losses, system_loss(path, target, 5), rtol=1e-12, atol=0)
    by_hand = start.clone().requires_grad_()
    for t in range(3):
        torch.testing.assert_close(path[t, 1], by_hand.detach(), rtol=1e-12, atol=1e-15)
        (gradient,) = torch.autograd.grad(system_loss(by_hand, target, 5), by_hand)
        by_hand = (by_hand - torch.tensor(0.1).double() * gradient).detach().requires_grad_()
    constant, decaying = descend(start, target, 5, 0.1, 2)[0], descend(start, target, 5, 0.1, 2, decay=True)[0]
    assert torch.equal(constant[1], decaying[1])
    _, upon = descend(constant[1], target, 5, 0.05, 1)[0]
    torch.testing.assert_close(decaying[2], upon, rtol=1e-12, atol=1e-15)
    clipped = descend(start, target, 5, 1.0, 1, clip=1e-3)[0]
    assert (clipped[1] - clipped[0]).norm().item() == pytest.approx(1e-3, rel=1e-9)


def test_at_the_step_that_suits_a_stable_target_the_unstable_one_diverges():
    for length in (6, 12):
        step = 0.5 * largest_safe_step(scalar(0.0), scalar(0.5), length)
        assert descend(scalar(0.0), scalar(0.5), length, step, 150)[1][-1] < 1e-6
        for decay in (False, True):
            losses = descend(scalar(0.0), scalar(1.2), length, step, 150, decay=decay)[1]
            assert not losses[-1] < 0.1 * losses[0], (length, decay, losses[-1])


def test_descent_refuses_what_is_no_system():
    with pytest.raises(ValueError, match="square"):
        safe_step_at_optimum(torch.zeros(2, 3), 4)
    with pytest.raises(ValueError, match="length=1"):
        descend(scalar(0.0), scalar(0.5), 1, 0.1, 5)
    assert math.isfinite(safe_step_at_optimum(scalar(0.5), 2))
