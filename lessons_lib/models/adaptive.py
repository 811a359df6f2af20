"""A language model with an adaptive softmax: a different model, ten times cheaper at a full vocabulary on a CPU."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lessons_lib.corpora.tasks import scored
from lessons_lib.models.contract import Core
from lessons_lib.models.head import cross_entropy_in_chunks
from lessons_lib.models.language_model import LanguageModel


class AdaptiveLanguageModel(LanguageModel):
    """:class:`LanguageModel` whose softmax is a tree: frequent words at the top, rare ones in clusters below.

    Its probabilities are exactly normalised over the whole vocabulary, so its perplexity compares with any other;
    but rare words share narrower projections, so it is not the same model (Grave et al. 2017).

    Args:
        core, embedding_size, dropout: as for :class:`LanguageModel`; the decoder is never tied.
        counts: how often each token occurs in the training text, (vocabulary,).
        cutoffs: ranks at which a new cluster begins, increasing.
    """

    def __init__(self, core: Core, counts: Tensor, embedding_size: int, cutoffs: Sequence[int], dropout: float = 0.0):
        vocabulary_size = len(counts)
        if not all(0 < a < b for a, b in zip([*cutoffs], [*cutoffs[1:], vocabulary_size], strict=True)):
            raise ValueError(f"cutoffs={list(cutoffs)}: give increasing ranks below the vocabulary, {vocabulary_size}")
        super().__init__(core, vocabulary_size, embedding_size, dropout=dropout)
        self.decoder = nn.AdaptiveLogSoftmaxWithLoss(core.hidden_size, vocabulary_size, list(cutoffs))
        order = counts.argsort(descending=True, stable=True)
        rank = torch.empty_like(order)
        rank[order] = torch.arange(vocabulary_size)
        self.rank: Tensor
        self.register_buffer("rank", rank)  # (vocabulary,): 0 is the most frequent token

    def logits(self, features: Tensor) -> Tensor:
        """features: (..., hidden) -> normalised log-probabilities (..., vocabulary), in the tokens' own order."""
        by_rank = self.decoder.log_prob(features.flatten(0, -2))
        return by_rank[:, self.rank].unflatten(0, features.shape[:-1])

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Mean nats per scored token; features: (batch, time, hidden), targets: (batch, time), negative: not scored."""
        rows, tokens = features.flatten(0, -2), targets.flatten()
        counted = scored(tokens)
        if not bool(counted.all()):
            rows, tokens = rows[counted], tokens[counted]
        ranks = self.rank[tokens]
        head, limits = self.decoder.head.weight, self.decoder.cutoffs
        first_choice, rare = ranks.clone(), rows.new_zeros(())
        for i, (project, words) in enumerate(self.decoder.tail):
            inside = ((limits[i] <= ranks) & (ranks < limits[i + 1])).nonzero().squeeze(1)
            first_choice[inside] = limits[0] + i  # the head only says: a word of this cluster
            loss = cross_entropy_in_chunks(project(rows[inside]), words.weight, None, ranks[inside] - limits[i])
            rare = rare + loss * (len(inside) / max(len(rows), 1))
        return cross_entropy_in_chunks(rows, head, None, first_choice) + rare
