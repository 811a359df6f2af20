"""The language model's loss without its (rows, vocabulary) matrix of logits.

Nine tenths of a full-vocabulary step is the softmax head, and a fifth of that is the kernel handing out fresh
pages for several temporaries of that size.  Here one small buffer serves every chunk of rows, and gradients are
made while the chunk is still in cache.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

ROWS = 256  # 140-350 measured equally fast at 33,278 words; fewer starve the matrix product


def cross_entropy_in_chunks(features: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """Mean negative log-likelihood in nats of ``softmax(features @ weight.T + bias)`` at ``targets``.

    Args:
        features: (rows, width).
        weight, bias: (vocabulary, width), (vocabulary,).
        targets: (rows,) int64; rows whose target is negative (-100, as in torch) are left out of the mean.

    Returns:
        loss: 0-d.  First derivatives only.
    """
    return _ChunkedCrossEntropy.apply(features, weight, bias, targets)


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, features, weight, bias, targets):
        differentiate = any(ctx.needs_input_grad)
        count = (targets >= 0).sum().clamp(min=1)
        total = features.new_zeros(())
        buffer = features.new_empty(min(ROWS, len(features)), len(weight))
        if differentiate:
            d_features, d_weight = torch.empty_like(features), torch.zeros_like(weight)
            d_bias = torch.zeros_like(bias)
        for first in range(0, len(features), ROWS):
            rows = slice(first, first + ROWS)
            part, target = features[rows], targets[rows]
            scores = torch.addmm(bias, part, weight.T, out=buffer[: len(part)])
            torch.log_softmax(scores, dim=1, out=scores)
            scored, index = target >= 0, target.clamp(min=0).unsqueeze(1)
            total -= (scores.gather(1, index).squeeze(1) * scored).sum()
            if differentiate:
                scores.exp_().scatter_add_(1, index, scores.new_full(index.shape, -1.0))  # softmax - one-hot
                scores.mul_((scored.to(scores.dtype) / count).unsqueeze(1))
                torch.mm(scores, weight, out=d_features[rows])
                d_weight.addmm_(scores.T, part)
                d_bias += scores.sum(0)
        if differentiate:
            ctx.save_for_backward(d_features, d_weight, d_bias)
        return total / count

    @staticmethod
    @once_differentiable
    def backward(ctx, upstream):
        return *(upstream * gradient for gradient in ctx.saved_tensors), None
