"""A language model around any core: embedding, core, softmax."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib.models.contract import Core
from lessons_lib.models.head import cross_entropy_in_chunks
from lessons_lib.models.state import State


class LanguageModel(nn.Module):
    """p(next token | tokens so far), with any core of this package between embedding and softmax.

    Args:
        core: maps (batch, time, core.input_size) to (batch, time, core.hidden_size).
        vocabulary_size: number of tokens.
        embedding_size: width of the embedding, equal to ``core.input_size``.
        tied: let the decoder use the embedding's weights (Press & Wolf 2017).
        dropout: on the embedded tokens and on the features, while training.
    """

    def __init__(
        self,
        core: Core,
        vocabulary_size: int,
        embedding_size: int,
        tied: bool = False,
        dropout: float = 0.0,
    ):
        super().__init__()
        if core.input_size != embedding_size:
            raise ValueError(
                f"embedding_size={embedding_size} does not fit the core, which takes inputs of width "
                f"{core.input_size}: make the two equal"
            )
        if tied and core.hidden_size != embedding_size:
            raise ValueError(
                f"tied weights need the core's width ({core.hidden_size}) to equal the embedding's "
                f"({embedding_size}): change one, or untie"
            )
        self.core: Any = core  # a reader may ask for what is this core's own
        self.embedding = nn.Embedding(vocabulary_size, embedding_size)
        self.decoder: Any = nn.Linear(core.hidden_size, vocabulary_size)
        self.dropout = nn.Dropout(dropout)
        # Small, so that an input clip cuts nothing off at the start: clamped entries get no gradient.
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.uniform_(self.decoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)
        if tied:
            self.decoder.weight = self.embedding.weight

    @property
    def context_length(self) -> int | None:
        """How many tokens a prediction may use; None: all of them."""
        return self.core.context_length

    @property
    def vocabulary_size(self) -> int:
        return self.embedding.num_embeddings

    def embed(self, tokens: Tensor) -> Tensor:
        """tokens: (...) -> what the core is fed: (..., embedding)."""
        return self.dropout(self.embedding(tokens))

    @torch.no_grad()
    def input_bound(self, order: float) -> float:
        """The largest norm of what the core is fed, whatever is read; ``order`` 2: Euclidean, inf: maximum norm."""
        return float(torch.linalg.vector_norm(self.embedding.weight, order, dim=1).max())

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """tokens: (batch, time) -> features: (batch, time, hidden), and the core's state."""
        outputs, state = self.core(self.embed(tokens), state)
        return self.dropout(outputs), state

    def logits(self, features: Tensor) -> Tensor:
        """features: (..., hidden) -> (..., vocabulary)."""
        return self.decoder(features)

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Mean nats per predicted token.

        Args:
            features: (batch, time, hidden).
            targets: (batch, time); a negative target is left out of the mean.
        """
        return cross_entropy_in_chunks(
            features.flatten(0, -2), self.decoder.weight, self.decoder.bias, targets.flatten()
        )

    @torch.no_grad()
    def log_probabilities(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """tokens: (batch, time) -> log p of the next token, (batch, time, vocabulary), and the state."""
        features, state = self(tokens, state)
        return F.log_softmax(self.logits(features), dim=-1), state
