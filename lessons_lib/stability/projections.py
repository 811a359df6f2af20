"""Exact Euclidean projections: the nearest point of a convex set, in the Frobenius norm.

Pure numerical functions on tensors.  All of them return the input itself where it already lies in the set
(within rounding), and work in the tensor's own precision unless that is not enough.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: Relative excess over a bound that still counts as inside: what rounding to float32 can leave behind.
TOLERANCE = 1e-5

#: Beyond this many bounds the Gram matrix, which squares the condition, is too coarse in the tensor's own
#: type.
_FAR = 5.0

#: Entries worked on at a time on a CPU: 256 KB of float32.
_CACHED = 65536


def rounding(dtype: torch.dtype) -> float:
    """Relative excess that a projection leaves alone: what rounding produces, so that the map is exact."""
    return 32 * torch.finfo(dtype).eps


def _waits_are_dear(tensor: Tensor) -> bool:
    """Whether asking this tensor a question stalls the host: then work without branches, on everything."""
    return tensor.is_cuda


def within_spectral_ball(weight: Tensor, bound: float, slack: float) -> Tensor:
    """Whether the largest singular value is at most ``bound * (1 + slack)``: a 0-d boolean tensor, no wait.

    Asks Cholesky whether ``bound² I - WᵀW`` is positive definite: a tenth of the cost of the singular values.
    A weight with NaN or infinite entries is in no ball.
    """
    limit = (bound * (1 + slack)) ** 2
    if limit == 0.0:
        return (weight == 0).all()
    gap = -(weight.mT @ weight) / limit
    gap.diagonal().add_(1.0)
    return (torch.linalg.cholesky_ex(gap).info == 0) & weight.isfinite().all()


def spectral_ball_project(weight: Tensor, bound: float) -> Tensor:
    """The nearest matrix whose singular values are at most ``bound``: clip the singular values.

    Through the eigenvectors of WᵀW, of which only those over the bound are used; beyond five bounds, where
    squaring costs too many digits, through the SVD in float64.  The result exceeds the bound by at most 1e-5
    relative from starts up to 1,000 bounds.

    On CUDA the eigenvectors are computed in float64, so that near and far need no decision: the host waits
    for the device inside ``torch.linalg.eigh`` and nowhere else.

    Args:
        weight: (rows, columns), float32 or float64, finite.
        bound: radius of the ball, at least 0.

    Returns:
        A new tensor of the same shape, type and device.
    """
    if bound == 0:
        return torch.zeros_like(weight)
    exact = weight.double() if _waits_are_dear(weight) else weight
    squares, vectors = torch.linalg.eigh(exact.mT @ exact)
    if not _waits_are_dear(weight) and squares[-1] > (_FAR * bound) ** 2:
        left, values, right = torch.linalg.svd(weight.double(), full_matrices=False)
        return (left * values.clamp(max=bound) @ right).to(weight.dtype)
    # One minus this factor is what is taken from each right singular direction: nothing, below the bound.
    values = squares.clamp_min(0).sqrt()
    excess = (1 - bound / values.clamp_min(bound)).to(exact.dtype)
    if not _waits_are_dear(weight):  # asking which columns matter is free here, and a wait on CUDA
        over = int((values > bound).sum())
        vectors, excess = vectors[:, len(values) - over :], excess[len(values) - over :]
    return (exact - (exact @ vectors) * excess @ vectors.mT).to(weight.dtype)


def l1_rows_project(rows: Tensor, radius: Tensor | float, weights: Tensor | float = 1.0) -> Tensor:
    """Each row's nearest point with Σ_j weights_j |row_j| <= radius: soft-threshold it by τ · weights.

    Only rows outside are touched.  On CPU τ comes from Newton's method (Michelot 1986; it ends after finitely
    many rounds), on CUDA from a sort (Held, Wolfe & Crowder 1974), where the host never waits.

    Args:
        rows: (count, width), float32 or float64.
        radius: a number or (count,), at least 0.
        weights: a positive number, (width,) or (count, width).

    Returns:
        A new tensor of the same shape, or ``rows`` itself when nothing is outside (on CPU).
    """
    radius = _like(rows, radius).expand(len(rows))
    weights = _like(rows, weights)
    weights = weights.expand(len(rows), weights.shape[-1] if weights.dim() else 1)
    outside = _weighted_sum(rows.abs(), weights) > radius * (1 + rounding(rows.dtype))
    if _waits_are_dear(rows):
        return torch.where(outside.unsqueeze(-1), _shrink(rows, radius, weights), rows)
    picked = outside.nonzero().squeeze(-1)
    if not len(picked):
        return rows
    nearest = rows.clone()
    for part in picked.split(max(1, _CACHED // rows.shape[1])):  # rounds over a slice that stays in the cache
        nearest[part] = _shrink(rows[part], radius[part], weights[part])
    return nearest


def _shrink(rows: Tensor, radius: Tensor, weights: Tensor) -> Tensor:
    """Soft-threshold every row onto the sphere Σ weights |row| = radius; rows must lie outside it."""
    sizes = rows.abs()
    kept = (sizes - l1_threshold(sizes, radius, weights).unsqueeze(-1) * weights).clamp_min_(0)
    # Far outside, |row| - τ cancels; a last Newton step on the small result takes that rounding away.
    support = kept.sign()
    slope = _weighted_sum(support, weights.square()).clamp_min(torch.finfo(rows.dtype).tiny)
    rest = ((_weighted_sum(kept, weights) - radius) / slope).unsqueeze(-1)
    return kept.sub_(support.mul_(rest * weights)).clamp_min_(0).mul_(rows.sign())


def l1_threshold(
    sizes: Tensor, radius: Tensor, weights: Tensor, free: Tensor | float = 0.0, free_slope: float = 0.0
) -> Tensor:
    """The τ >= 0 with Σ_j weights_j max(sizes_j - τ weights_j, 0) + free - τ free_slope = radius; 0 if inside.

    ``free`` is the part of the constraint that is linear (not an absolute value) and so never thresholded.

    Args:
        sizes: (count, width), at least 0.
        radius, free: (count,).
        weights: (count, width), positive; or (count, 1), the same for a whole row.

    Returns:
        τ: (count,).
    """
    by = _threshold_by_sort if _waits_are_dear(sizes) else _threshold_by_newton
    return by(sizes, radius, weights, _like(sizes, free).expand(len(sizes)), free_slope).clamp_min(0)


def _threshold_by_newton(sizes: Tensor, radius: Tensor, weights: Tensor, free: Tensor, free_slope: float) -> Tensor:
    tiny = torch.finfo(sizes.dtype).tiny
    squares = weights.square()
    threshold = torch.zeros_like(radius)
    before: Tensor | None = None
    while True:
        kept = (sizes - threshold.unsqueeze(-1) * weights).clamp_min_(0)
        excess = _weighted_sum(kept, weights) + free - threshold * free_slope - radius
        support = kept.sign_()
        slope = _weighted_sum(support, squares) + free_slope
        # From τ = 0 Newton climbs towards the root of a convex function and never overshoots it.
        threshold = threshold + (excess / slope.clamp_min(tiny)).clamp_min(0)
        if before is not None and bool((slope >= before).all()):
            return threshold  # no support shrank: the last step solved a linear equation exactly
        before = slope


def _threshold_by_sort(sizes: Tensor, radius: Tensor, weights: Tensor, free: Tensor, free_slope: float) -> Tensor:
    ratio, order = (sizes / weights).sort(dim=-1, descending=True)
    sizes, weights = sizes.gather(-1, order), weights.expand_as(sizes).gather(-1, order)
    excess = (sizes * weights).cumsum(-1) + (free - radius).unsqueeze(-1)
    candidate = excess / (weights.square().cumsum(-1) + free_slope)
    # No entry is left: the linear part alone pays, or (without one) the radius is zero.
    alone = (free - radius) / free_slope if free_slope else ratio[:, 0]
    candidate = torch.cat([alone.unsqueeze(-1), candidate], dim=-1)
    last = (ratio > candidate[:, 1:]).sum(-1, keepdim=True)  # entries stay active in a prefix of this order
    return candidate.gather(-1, last).squeeze(-1)


def _weighted_sum(values: Tensor, weights: Tensor) -> Tensor:
    """Σ_j weights_j values_j of each row; one pass where a row has a single weight."""
    return values.sum(-1) * weights[:, 0] if weights.shape[1] == 1 else (values * weights).sum(-1)


def _like(tensor: Tensor, value: Tensor | float) -> Tensor:
    """A number as a tensor beside this one, filled on the device: copying it there would be a wait."""
    return value if isinstance(value, Tensor) else tensor.new_full((), value)


def nested_l1_project(blocks: list[Tensor], weights: list[Tensor], limits: list[Tensor]) -> list[Tensor]:
    """Each row's nearest point with Σ_{m<=k} weights_m · |blocks_m| <= limits_k for every k: a chain of l1 balls.

    The dual separates into one threshold per block, decreasing along the chain because an early block takes part
    in more of the constraints: an isotonic regression, solved by its max-min formula (Barlow, Bartholomew,
    Bremner & Brunk 1972) from the thresholds of all runs of consecutive blocks.

    Args:
        blocks: (count, width_k) each.
        weights: (count, width_k) each, positive.
        limits: (count,) each, at least 0.

    Returns:
        New blocks.  Waits and methods as for ``l1_rows_project``.
    """
    tight = torch.stack([torch.stack(limits[k:]).amin(0) for k in range(len(limits))])  # the outer may be smaller

    def outside(blocks: list[Tensor], weights: list[Tensor], tight: Tensor) -> Tensor:
        sizes = [_weighted_sum(block.abs(), weight) for block, weight in zip(blocks, weights, strict=True)]
        return (torch.stack(sizes).cumsum(0) > tight * (1 + rounding(tight.dtype))).any(0)

    if _waits_are_dear(blocks[0]):
        for _ in range(2):  # the second time on the small result: takes away what cancelled far outside
            mask = outside(blocks, weights, tight).unsqueeze(-1)
            moved = _shrink_chain(blocks, weights, tight)
            blocks = [torch.where(mask, new, old) for new, old in zip(moved, blocks, strict=True)]
        return blocks
    nearest = [block.clone() for block in blocks]
    width = sum(block.shape[1] for block in blocks)
    for _ in range(2):
        picked = outside(nearest, weights, tight).nonzero().squeeze(-1)
        for part in picked.split(max(1, _CACHED // width)):
            pieces = [block[part] for block in nearest]
            moved = _shrink_chain(pieces, [weight[part] for weight in weights], tight[:, part])
            for block, new in zip(nearest, moved, strict=True):
                block[part] = new
    return nearest


def _shrink_chain(blocks: list[Tensor], weights: list[Tensor], limits: Tensor) -> list[Tensor]:
    count = len(blocks)
    sizes = [block.abs() for block in blocks]
    runs = {
        (a, b): l1_threshold(
            torch.cat(sizes[a : b + 1], -1),
            limits[b] - limits[a - 1] if a else limits[b],
            torch.cat(weights[a : b + 1], -1),
        )
        for a in range(count)
        for b in range(a, count)
    }
    result = []
    for k, (block, size, weight) in enumerate(zip(blocks, sizes, weights, strict=True)):
        lowest = [torch.stack([runs[a, b] for a in range(k + 1)]).amin(0) for b in range(k, count)]
        threshold = torch.stack(lowest).amax(0).unsqueeze(-1)
        result.append((size - threshold * weight).clamp_min(0) * block.sign())
    return result
