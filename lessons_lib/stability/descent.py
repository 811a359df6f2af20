"""Why instability defeats gradient descent: learning the matrix of a linear system.

The system is h_t = A h_{t-1} + x_t from h_0 = 0, with inputs that are independent, of mean zero and identity
covariance; the loss is half the expected squared error of the last state against the system with A*:

    L(A) = ½ E ‖h_T(A) - h_T(A*)‖² = ½ Σ_{j<T} ‖A^j - A*^j‖_F²

Exact, without sampling.  A scalar system is the 1 x 1 case.
"""

from __future__ import annotations

import torch
from torch import Tensor


def system_loss(matrix: Tensor, target: Tensor, length: int) -> Tensor:
    """L(A) above: (..., d, d) -> (...).  ``target`` is A*, (d, d); ``length`` is T."""
    power = expected = torch.eye(target.shape[-1], dtype=target.dtype, device=target.device)
    loss = matrix.new_zeros(matrix.shape[:-2])
    for _ in range(length - 1):
        power, expected = power @ matrix, expected @ target
        loss = loss + (power - expected).square().sum((-2, -1)) / 2
    return loss


def safe_step_at_optimum(target: Tensor, length: int) -> Tensor:
    """2 / λ_max of L's Hessian at A*: gradient descent with a larger step leaves the optimum.  0-d.

    There the Hessian is Σ_j K_jᵀ K_j with K_j = Σ_{i<j} A*^i ⊗ (A*^{j-1-i})ᵀ, the derivative of A^j.  It grows
    like ‖A*‖^{2T} where the system is unstable.
    """
    _check(target, length)
    size = target.shape[0]
    powers = [torch.eye(size, dtype=target.dtype, device=target.device)]
    for _ in range(length - 1):
        powers.append(powers[-1] @ target)
    hessian = target.new_zeros(size**2, size**2)
    for j in range(1, length):
        derivative = sum(
            (torch.kron(powers[i], powers[j - 1 - i].mT.contiguous()) for i in range(j)), torch.zeros_like(hessian)
        )
        hessian = hessian + derivative.mT @ derivative
    return 2 / torch.linalg.eigvalsh(hessian)[-1]


def descend(
    start: Tensor,
    target: Tensor,
    length: int,
    step: Tensor | float,
    steps: int,
    *,
    decay: bool = False,
    clip: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Gradient descent on L from ``start``.

    Args:
        start, target: (d, d).
        step: α, a number or any shape of them: one path for each.
        decay: α/t at the t-th step instead of α.
        clip: the gradient's Frobenius norm is scaled down to this where it is larger.

    Returns:
        the path (steps + 1, *step's shape, d, d) and its losses (steps + 1, *step's shape), inf or NaN once
        a path has left the range of floating point.
    """
    _check(target, length)
    step = torch.as_tensor(step, dtype=start.dtype, device=start.device)
    matrix = start.expand(*step.shape, *start.shape).clone()
    path, losses = [], []
    for t in range(1, steps + 2):
        with torch.enable_grad():
            leaf = matrix.detach().requires_grad_()
            loss = system_loss(leaf, target, length)
            (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        path.append(matrix)
        losses.append(loss.detach())
        if clip is not None:
            size = gradient.norm(dim=(-2, -1), keepdim=True)
            gradient = gradient * (clip / size.clamp_min(clip))
        matrix = matrix - step[..., None, None] * gradient / (t if decay else 1)
    return torch.stack(path), torch.stack(losses)


def _check(target: Tensor, length: int) -> None:
    if target.dim() != 2 or target.shape[0] != target.shape[1]:
        raise ValueError(f"target of shape {tuple(target.shape)}: give a square matrix, (1, 1) for a scalar system")
    if length < 2:
        raise ValueError(f"length={length}: with fewer than 2 steps the last state does not depend on A")
