"""Answers of lesson 09, keyed by exercise."""


# %% exercise:09-1
def clip_singular_values(W, bound):
    """The nearest matrix to W with no singular value above the bound."""
    U, values, V = torch.linalg.svd(W)  # W = U diag(values) V
    return U @ torch.diag(values.clamp(max=bound)) @ V


# %% exercise:09-2
def threshold(row, radius):
    """What every entry gives up, for a row with an ℓ1 norm above the radius."""
    sizes = row.abs().sort(descending=True).values
    taus = (sizes.cumsum(0) - radius) / torch.arange(1, len(row) + 1)
    fits = sizes > taus  # would the last of the survivors survive this τ?
    return taus[fits][-1]


# %% exercise:09-3
def unit_rate(ceiling, w_f, w_z):
    """λ, from the ceiling of the gate and the two recurrent weights."""
    # f h - f̃ h̃ + (1 - f) z - (1 - f̃) z̃  =  f Δh + (1 - f) Δz + Δf (h̃ - z̃)
    # |Δz| <= |w_z| |Δh|,  |Δf| <= |w_f| |Δh| / 4,  |h̃ - z̃| <= 2
    # f + (1 - f) |w_z| grows with f, because |w_z| < 1: it is largest at the ceiling
    return ceiling + (1 - ceiling) * abs(w_z) + abs(w_f) / 2


# %% exercise:09-4
@torch.no_grad()
def project_after_step(layer, bound):
    """Move layer.weight_hh_l0 onto the ball, in place; return how far it moved."""
    old = layer.weight_hh_l0
    new = stability.spectral_ball_project(old, bound)
    distance = float((new - old).norm())
    old.copy_(new)
    return distance
