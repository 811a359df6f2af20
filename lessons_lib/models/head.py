"""The language model's loss without its (rows, vocabulary) matrix of logits.

Nine tenths of a full-vocabulary step is the softmax head: three matrix products, and passes over a matrix that fits
no cache.  Here the scores are made in tiles, some rows by some words, that stay in cache while they are
exponentiated.  Each tile keeps a maximum of its own, so nothing has to be known about the words still to come; the
normaliser never touches the tiles at all: it scales the small factors of the gradients' products.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from lessons_lib.corpora.tasks import scored

ROWS = 256  # of one buffer of scores; 140-350 are equally fast, fewer starve the matrix products
WORDS = 1024  # of one tile on a CPU: wider ones leave the cache, and the scores then take twice as long


def cross_entropy_in_chunks(features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    """Mean negative log-likelihood in nats of ``softmax(features @ weight.T + bias)`` at ``targets``.

    Args:
        features: (rows, width).
        weight, bias: (vocabulary, width), (vocabulary,) or None for no bias.
        targets: (rows,) int64; rows whose target is negative (-100, as in torch) are left out of the mean.

    Returns:
        loss: 0-d.  First derivatives only.
    """
    # Inside the function gradients are off, and its context would ask for them under no_grad as well.
    if bias is None:
        bias = weight.new_zeros(len(weight))
    differentiate = torch.is_grad_enabled() and any(t.requires_grad for t in (features, weight, bias))
    return _ChunkedCrossEntropy.apply(features, weight, bias, targets, differentiate)


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, differentiate: bool
    ) -> Tensor:
        words = WORDS if features.device.type == "cpu" else len(weight)
        tiles = list(zip(weight.split(words), bias.split(words), strict=True))
        counted, index = scored(targets).to(features.dtype), targets.clamp(min=0)
        share = counted / counted.sum().clamp(min=1)  # of each row in the mean
        own = (features * weight[index]).sum(1) + bias[index]
        total = -(own * share).sum()
        buffer = features.new_empty(min(ROWS, len(features)) * len(weight))
        if differentiate:
            # What the targets' own scores contribute; the rest is added tile by tile.
            d_features = weight[index] * -share.unsqueeze(1)
            d_weight = torch.zeros_like(weight).index_add_(0, index, features * -share.unsqueeze(1))
            d_bias = torch.zeros_like(bias).index_add_(0, index, -share)
            d_tiles = list(zip(d_weight.split(words), d_bias.split(words), strict=True))
        for first in range(0, len(features), ROWS):
            rows = slice(first, first + ROWS)
            part = features[rows]
            scores = [s.view(len(part), -1) for s in buffer[: len(part) * len(weight)].split(len(part) * words)]
            largest, sums = part.new_empty(2, len(tiles), len(part)).unbind(0)
            for i, (w, b) in enumerate(tiles):
                torch.addmm(b, part, w.T, out=scores[i])
                torch.amax(scores[i], 1, out=largest[i])
                scores[i].sub_(largest[i].unsqueeze(1)).exp_()
                torch.sum(scores[i], 1, out=sums[i])
            normaliser = (largest + sums.log()).logsumexp(0)
            total += (normaliser * share[rows]).sum()
            if differentiate:
                scales = (largest - normaliser).exp() * share[rows]  # (tiles, rows)
                for score, scale, (w, _), (d_w, d_b) in zip(scores, scales, tiles, d_tiles, strict=True):
                    d_features[rows].addcmul_(score @ w, scale.unsqueeze(1))
                    d_w.addmm_(score.T, part * scale.unsqueeze(1))
                    if ctx.needs_input_grad[2]:
                        d_b.addmv_(score.T, scale)
        if differentiate:
            ctx.save_for_backward(d_features, d_weight, d_bias)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        return *(upstream * gradient for gradient in ctx.saved_tensors), None, None
