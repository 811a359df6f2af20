"""Answers of lesson 09, keyed by exercise."""


# %% exercise:09-1
def clip_singular_values(W, bound):
    """The nearest matrix to W with no singular value above the bound."""
    U, values, V = torch.linalg.svd(W)
    return U @ torch.diag(values.clamp(max=bound)) @ V


# %% exercise:09-2
def soft_threshold(row, tau):
    """Every entry moves towards zero by tau, and stops there."""
    sizes = (row.abs() - tau).clamp(min=0)
    return sizes * row.sign()


# %% exercise:09-3
@torch.no_grad()
def project_after_step(layer, bound):
    """Move layer.weight_hh_l0 onto the ball, in place; return the Frobenius distance that it moved."""
    old = layer.weight_hh_l0
    new = stability.spectral_ball_project(old, bound)
    distance = float((new - old).norm())
    old.copy_(new)
    return distance
