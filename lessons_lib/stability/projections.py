"""Exact Euclidean projections: the nearest point of a convex set, in the Frobenius norm.

Pure numerical functions on tensors.  All of them return the input itself where it already lies in the set
(within rounding), and work in the tensor's own precision unless that is not enough.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

#: Relative excess over a bound that still counts as inside: what rounding to float32 can leave behind.
TOLERANCE = 1e-5

#: Beyond this many bounds the Gram matrix, which squares the condition, is too coarse in the tensor's own
#: type.
_FAR = 5.0

#: Entries worked on at a time on a CPU: 512 KB of float32.
_CACHED = 131072


def rounding(dtype: torch.dtype) -> float:
    """Relative excess that a projection leaves alone: what rounding produces, so that the map is exact."""
    return 32 * torch.finfo(dtype).eps


def is_asynchronous(tensor: Tensor) -> bool:
    """Whether asking this tensor a question stalls the host: then work without branches, on everything.

    On CUDA.  A meta tensor holds no numbers and cannot answer at all, which makes it the proof that nobody asks.
    """
    return tensor.is_cuda or tensor.is_meta


def in_float64(tensor: Tensor) -> Tensor:
    """The same numbers in float64, without their history: on their own device, or the CPU where MPS has no float64."""
    tensor = tensor.detach()
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


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
        weight: (rows, columns), float32 or float64, finite; on CUDA any number of them, (..., rows, columns).
        bound: radius of the ball, at least 0.

    Returns:
        A new tensor of the same shape, type and device.
    """
    if bound == 0:
        return torch.zeros_like(weight)
    exact = weight.double() if is_asynchronous(weight) else weight
    squares, vectors = torch.linalg.eigh(exact.mT @ exact)
    if not is_asynchronous(weight) and squares[-1] > (_FAR * bound) ** 2:
        left, values, right = torch.linalg.svd(in_float64(weight), full_matrices=False)
        return (left * values.clamp(max=bound) @ right).to(weight)
    # One minus this factor is what is taken from each right singular direction: nothing, below the bound.
    values = squares.clamp_min(0).sqrt()
    excess = (1 - bound / values.clamp_min(bound)).to(exact.dtype)
    if not is_asynchronous(weight):  # asking which columns matter is free here, and a wait on CUDA
        over = int((values > bound).sum())
        vectors, excess = vectors[:, len(values) - over :], excess[len(values) - over :]
    return (exact - (exact @ vectors) * excess.unsqueeze(-2) @ vectors.mT).to(weight.dtype)


def spectral_balls_project(weights: Sequence[Tensor], bound: float) -> list[Tensor]:
    """:func:`spectral_ball_project` of each; on CUDA matrices of one shape together, so that the host waits once."""
    if not weights or not is_asynchronous(weights[0]):
        return [spectral_ball_project(weight, bound) for weight in weights]
    shapes = {weight.shape: [other for other in weights if other.shape == weight.shape] for weight in weights}
    found = {shape: iter(spectral_ball_project(torch.stack(same), bound)) for shape, same in shapes.items()}
    return [next(found[weight.shape]) for weight in weights]


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
    if is_asynchronous(rows):
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


def l1_threshold(sizes: Tensor, radius: Tensor, weights: Tensor, free_slope: float = 0.0) -> Tensor:
    """The τ >= 0 with Σ_j weights_j max(sizes_j - τ weights_j, 0) - τ free_slope = radius; 0 if inside.

    ``free_slope`` is for a part of the constraint that is linear (not an absolute value) and so never thresholded:
    its value belongs into the radius, which may then be negative.

    Args:
        sizes: (count, width), at least 0.
        radius: (count,).
        weights: (count, width), positive; or (count, 1), the same for a whole row.

    Returns:
        τ: (count,).
    """
    if is_asynchronous(sizes):
        return _threshold_by_sort(sizes, radius, weights, free_slope).clamp_min(0)
    return _chain_by_newton([sizes], [weights], radius.unsqueeze(1), free_slope).squeeze(1)


def _threshold_by_sort(sizes: Tensor, radius: Tensor, weights: Tensor, free_slope: float = 0.0) -> Tensor:
    ratio, order = (sizes / weights).sort(dim=-1, descending=True)
    sizes, weights = sizes.gather(-1, order), weights.expand_as(sizes).gather(-1, order)
    excess = (sizes * weights).cumsum(-1) - radius.unsqueeze(-1)
    candidate = excess / (weights.square().cumsum(-1) + free_slope)
    # No entry is left: the linear part alone pays, or (without one) the radius is zero.
    alone = -radius / free_slope if free_slope else ratio[:, 0]
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
    in more of the constraints: an isotonic regression.  Its max-min formula (Barlow, Bartholomew, Bremner & Brunk
    1972) takes the thresholds of all runs of consecutive blocks: on CUDA of the blocks themselves, on CPU of their
    tangents, in a Newton's method on the whole chain.

    Args:
        blocks: (count, width_k) each.
        weights: (count, width_k) each, positive; or (count, 1), the same for a whole row of the block.
        limits: (count,) each, at least 0.

    Returns:
        New blocks.  Waits and methods as for ``l1_rows_project``.
    """
    tight = torch.stack([torch.stack(limits[k:]).amin(0) for k in range(len(limits))], -1)  # the outer may be smaller
    width = sum(block.shape[1] for block in blocks)
    rows = len(tight) if is_asynchronous(tight) else max(1, _CACHED // width)
    slices = zip(*(tensor.split(rows) for tensor in [tight, *blocks, *weights]), strict=True)
    count = len(blocks)
    moved = [_project_chain(part[0], list(part[1 : count + 1]), list(part[count + 1 :])) for part in slices]
    return [torch.cat(parts) for parts in zip(*moved, strict=True)]


def _project_chain(limits: Tensor, blocks: list[Tensor], weights: list[Tensor]) -> list[Tensor]:
    radii = limits.diff(dim=1, prepend=torch.zeros_like(limits[:, :1]))
    for _ in range(2):  # the second time on the small result: takes away what cancelled far outside
        sizes = [block.abs() for block in blocks]
        spent = torch.stack([_weighted_sum(s, w) for s, w in zip(sizes, weights, strict=True)], 1).cumsum(1)
        outside = (spent > limits * (1 + rounding(limits.dtype))).any(1, keepdim=True)
        if not is_asynchronous(limits) and not outside.any():
            break
        thresholds = (_chain_by_sort if is_asynchronous(limits) else _chain_by_newton)(sizes, weights, radii)
        shrunk = zip(blocks, sizes, weights, thresholds.split(1, 1), strict=True)
        blocks = [torch.where(outside, (s - tau * w).clamp_min_(0) * b.sign(), b) for b, s, w, tau in shrunk]
    return blocks


def _chain_by_sort(sizes: list[Tensor], weights: list[Tensor], radii: Tensor) -> Tensor:
    """Thresholds of a chain, (count, blocks): each run of blocks solved by a sort."""
    weights = [weight.expand_as(size) for size, weight in zip(sizes, weights, strict=True)]
    count = len(sizes)
    roots = radii.new_zeros(len(radii), count, count)
    for a in range(count):
        for b in range(a, count):
            run = slice(a, b + 1)
            roots[:, a, b] = _threshold_by_sort(
                torch.cat(sizes[run], -1), radii[:, run].sum(1), torch.cat(weights[run], -1)
            )
    return _decreasing(roots).clamp_min(0)


def _chain_by_newton(sizes: list[Tensor], weights: list[Tensor], radii: Tensor, free_slope: float = 0.0) -> Tensor:
    """Thresholds of a chain, (count, blocks): all blocks at once.

    Each round puts tangents in the place of the blocks' piecewise linear sums and solves that chain exactly.  The
    sums are convex and the tangents lie below them: from zero all thresholds climb towards the solution and none
    overshoots it, so entries only ever leave, and when none left the tangents were exact.  For a chain of one this
    is Newton's method.
    """
    squares = [weight.square() for weight in weights]
    thresholds = torch.zeros_like(radii)
    before: Tensor | None = None
    while True:
        sums, slopes = [], []
        for size, weight, square, threshold in zip(sizes, weights, squares, thresholds.split(1, 1), strict=True):
            kept = (size - threshold * weight).clamp_min_(0)
            sums.append(_weighted_sum(kept, weight))
            slopes.append(_weighted_sum(kept.sign_(), square) + free_slope)
        slope = torch.stack(slopes, 1)
        excess = torch.stack(sums, 1) - radii - thresholds * free_slope
        thresholds = torch.maximum(thresholds, _tangents_meet(thresholds, excess, slope))
        if before is not None and bool((slope >= before).all()):
            return thresholds
        before = slope


def _tangents_meet(thresholds: Tensor, excess: Tensor, slope: Tensor) -> Tensor:
    """Thresholds, (count, blocks), of the chain whose sums fall by ``slope`` from ``excess`` over the radius."""
    tiny = torch.finfo(slope.dtype).tiny
    if slope.shape[1] == 1:
        return thresholds + excess / slope.clamp_min(tiny)
    # (count, a, b): the run a..b, counted from the threshold of its first block, the largest.
    start = thresholds.unsqueeze(2)
    run_excess = (excess.unsqueeze(1) - slope.unsqueeze(1) * (start - thresholds.unsqueeze(1))).triu().cumsum(2)
    run_slope = slope.unsqueeze(1).expand_as(run_excess).triu().cumsum(2)
    return _decreasing(start + run_excess / run_slope.clamp_min(tiny))


def _decreasing(roots: Tensor) -> Tensor:
    """A chain's thresholds, (count, blocks), by the max-min formula; ``roots[:, a, b]`` solves the run a..b alone."""
    smallest = roots.cummin(1).values  # over the first block of the run
    later = torch.ones(roots.shape[1:], dtype=torch.bool, device=roots.device).triu()
    return smallest.masked_fill(~later, -torch.inf).amax(2)
