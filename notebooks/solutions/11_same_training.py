"""Answers of lesson 11, keyed by exercise."""


# %% exercise:11-1
def relative_gap(recurrent, truncated, start):
    """Of three vectors of weights: the relative weight gap."""
    return (recurrent - truncated).norm() / max(
        (recurrent - start).norm(), (truncated - start).norm()
    )


# %% exercise:11-2
def projected_step(W, gradient, alpha, t, bound):
    """The next W: (d, d) -> (d, d)."""
    W = W - alpha / t * gradient
    left, values, right = torch.linalg.svd(W)
    kept = values.clamp(max=bound)
    return left @ torch.diag(kept) @ right


# %% exercise:11-3
def gap_bound(alpha, beta, G, N):
    """The bound on the distance of the twins' weights after N steps."""
    distance = 0.0
    for t in range(1, N + 1):
        distance = (1 + alpha * beta / t) * distance + alpha / t * G
    return distance
