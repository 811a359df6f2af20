"""How far training can drive a stable RNN and its k-truncation apart: the training theorem with its constants.

Miller & Hardt, "Stable Recurrent Models" (ICLR 2019, arXiv 1805.10369), the theorem on training by gradient descent.
Its proof has two lemmas and one recursion.  With F the loss of the recurrent model, F^k that of its truncation:

    ‖∇F(w) - ∇F^k(w)‖ <= G_k = O(k λ^k)             at equal weights the gradients nearly agree
    ‖∇F^k(w) - ∇F^k(w')‖ <= β ‖w - w'‖              F^k is smooth
    δ_{t+1} <= (1 + αβ/t) δ_t + (α/t) G_k,  δ_1 = 0    because projecting onto a convex set never moves points apart

so that after N steps δ <= (G_k/β) (Π_t (1 + αβ/t) - 1), which grows like N^(αβ) G_k/β.  The paper hides the constants;
for the tanh-RNN they are worked out here.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

import torch

from lessons_lib.models import LanguageModel
from lessons_lib.stability.layers import kinds_of, layers_of
from lessons_lib.stability.rates import spectral_norm, total_bias

SLOPE_CHANGE = 4 / (3 * math.sqrt(3))  # the largest |tanh''|: how fast tanh' changes
LOSS_SLOPE = math.sqrt(2)  # ‖softmax - one-hot‖_2 at most
LOSS_CHANGE = 0.5  # softmax is 1/2-Lipschitz


@dataclass(frozen=True)
class TrainingConstants:
    """Norms of h_t = tanh(W h_{t-1} + U x_t + b_1 + b_2) and of its logits C h_T + c, with what follows from them.

    Args:
        rate: λ >= ‖W‖_2.
        input_gain: ‖U‖_2.
        bias: ‖b_1 + b_2‖_2.
        decoder: ‖C‖_2.
        inputs: B_x, a bound on ‖x_t‖_2.
        units: d.

    Assumptions of every bound here:

    - one tanh layer, two bias vectors as in torch, no dropout, no input clip that bites;
    - zero start; the truncation runs from zero over the last k inputs;
    - the loss is the cross-entropy of one prediction, at the last position, or a mean over such sequences;
    - W, U, b_1, b_2, C and c are trained; the inputs are not (a frozen embedding);
    - the norms hold for all weights concerned: of both twins, at every iterate;
    - for the weights' gap: plain gradient descent with step α/t from the same start on the same data, followed by the
      Euclidean projection onto a convex set in which λ < 1.
    """

    rate: float
    input_gain: float
    bias: float
    decoder: float
    inputs: float
    units: int

    @classmethod
    def of(cls, model: LanguageModel, inputs: float) -> TrainingConstants:
        """The norms of one model.

        Raises:
            ValueError: not a single tanh-RNN layer.
        """
        layers = layers_of(model)
        if len(layers) != 1 or kinds_of(model) != {"tanh"}:
            raise ValueError("the training bound is worked out for one tanh-RNN layer: build TanhRNN(..., layers=1)")
        (layer,) = layers
        norms = [spectral_norm(m.detach()) for m in (layer.weight_hh, layer.weight_ih, model.decoder.weight)]
        bias = float(torch.linalg.vector_norm(total_bias(layer)))
        return cls(norms[0], norms[1], bias, norms[2], inputs, layer.hidden_size)

    def widened(self, other: TrainingConstants) -> TrainingConstants:
        """The larger of each norm: constants that hold for both."""
        return TrainingConstants(*map(max, astuple(self), astuple(other)))  # type: ignore[arg-type]

    @property
    def state(self) -> float:
        """M >= ‖h_t‖_2: the box of tanh, or what bounded inputs can build up."""
        box = math.sqrt(self.units)
        return min(box, (self.input_gain * self.inputs + self.bias) / (1 - self.rate)) if self.rate < 1 else box

    @property
    def feed(self) -> float:
        """Ψ >= ‖(h_{t-1}, x_t, 1, 1)‖_2: what multiplies (W, U, b_1, b_2) in a step."""
        return math.sqrt(self.state**2 + self.inputs**2 + 2)

    def gradient_gap(self, context_length: int) -> float:
        """G_k: an upper bound on ‖∇F(w) - ∇F^k(w)‖ at the same weights, for T > k; inf where λ >= 1.

        After j of the k common steps the states differ by at most λ^j M, so the logits' gradients by half of
        ‖C‖ λ^k M.  From there back in time, r bounds the difference of the two adjoints of h, and per step the slopes
        tanh' change by at most max|tanh''| λ^j M.
        """
        if not self.rate < 1:
            return math.inf
        k, rate, size = context_length, self.rate, self.state
        logits = LOSS_CHANGE * self.decoder * rate**k * size
        decoder = logits * size + LOSS_SLOPE * rate**k * size
        # Steps that the truncation does not take: a geometric series.
        recurrent = LOSS_SLOPE * self.decoder * self.feed * rate**k / (1 - rate)
        r = self.decoder * logits
        for age in range(k):  # the step `age` before the last; it is step k - age of the common ones
            apart = rate ** (k - age) * size
            adjoint = LOSS_SLOPE * self.decoder * rate**age
            v = r + SLOPE_CHANGE * apart * adjoint
            recurrent += v * self.feed + adjoint * rate ** (k - age - 1) * size
            r = rate * v
        return math.sqrt(recurrent**2 + decoder**2 + logits**2)

    def smoothness(self) -> float:
        """β: ‖∇F^k(w) - ∇F^k(w')‖ <= β ‖w - w'‖ for every k, and for F itself; inf where λ >= 1.

        Two runs on the same inputs: their states differ by at most A ‖w - w'‖ with A = Ψ/(1 - λ), their logits by
        Z ‖w - w'‖, their adjoints by r ‖w - w'‖, which is followed back until it is summed up.
        """
        if not self.rate < 1:
            return math.inf
        rate, size = self.rate, self.state
        states = self.feed / (1 - rate)
        logits = math.hypot(self.decoder * states, size, 1)
        decoder = LOSS_CHANGE * logits * size + LOSS_SLOPE * states
        bias = LOSS_CHANGE * logits
        # r_age = rate^age r_0 + (terms with age rate^age): summed in closed form over all ages.
        adjoint = LOSS_SLOPE * self.decoder
        first = LOSS_CHANGE * self.decoder * logits + LOSS_SLOPE
        bent = SLOPE_CHANGE * states * adjoint  # Σ_age v_age = Σ (r_age + bent rate^age)
        turned = adjoint  # from W'^T - W^T: rate v + ‖W - W'‖ ‖v'‖
        geometric = 1 / (1 - rate)
        adjoints = (first + rate * bent * geometric + turned * geometric) * geometric
        recurrent = (adjoints + bent * geometric) * self.feed + adjoint * states * geometric
        return math.sqrt(recurrent**2 + decoder**2 + bias**2)

    def log10_weight_gap(self, context_length: int, steps: int, step_size: float) -> float:
        """log10 of the bound on ‖w_rec - w_trunc‖ after N = ``steps`` steps α/t, α = ``step_size``; inf where λ >= 1.

        Above 0 it says nothing: weights that far apart are no news.
        """
        gap, smoothness = self.gradient_gap(context_length), self.smoothness()
        if gap == 0 or steps == 0 or step_size == 0:
            return -math.inf  # the twins have not parted
        if not math.isfinite(gap):
            return math.inf
        growth = sum(math.log1p(step_size * smoothness / t) for t in range(1, steps + 1))
        # ln(e^growth - 1) without forming e^growth, which has thousands of digits.
        log_factor = growth + math.log(-math.expm1(-growth))
        return (math.log(gap / smoothness) + log_factor) / math.log(10)
