"""Sequence to sequence: three families of translators under one small contract.

``forward(source) -> (memory, None)`` reads the source and ``loss(memory, targets)`` predicts every target symbol
from the source and the symbols before it (teacher forcing), so that ``train`` drives a translator on batches of
(source, target) pairs as it drives a language model; ``truncation_length`` is then the batches' ``steps``, since
both are read whole.  ``decode(tokens, memory, state)`` continues through a state, and ``translate`` writes greedily.
Sources and targets are padded with ``pad`` at their end; padding is never read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lessons_lib.corpora.tasks import scored
from lessons_lib.models.convolution import CausalConvolution
from lessons_lib.models.evaluating import evaluating
from lessons_lib.models.state import State
from lessons_lib.models.transformer import CausalSelfAttention

Memory = tuple[Tensor, Tensor, Tensor]
"""What the decoder attends to: keys and values (batch, source time, width), and where the source is padding."""


class Translator(nn.Module):
    """What the families share: embeddings, loss, greedy decoding.

    Args:
        vocabulary_size: number of symbols, source and target together.
        width: of embeddings and layers.
        pad, bos, eos: ids of the symbols for padding, the start of decoding and the end of a target.
        dropout: while training.

    Attributes:
        context_length: None, because every prediction may use the whole source.
    """

    context_length: int | None = None

    def __init__(self, vocabulary_size: int, width: int, *, pad: int, bos: int, eos: int, dropout: float = 0.0):
        super().__init__()
        self.pad, self.bos, self.eos = pad, bos, eos
        self.source_embedding = nn.Embedding(vocabulary_size, width, padding_idx=pad)
        self.target_embedding = nn.Embedding(vocabulary_size, width, padding_idx=pad)
        self.decoder = nn.Linear(width, vocabulary_size)
        self.dropout = nn.Dropout(dropout)

    def encode(self, source: Tensor) -> Memory:
        """source: (batch, source time) int64 -> memory."""
        raise NotImplementedError

    def decode(self, tokens: Tensor, memory: Memory, state: State | None = None) -> tuple[Tensor, State]:
        """tokens: (batch, time) int64, each the symbol before -> logits: (batch, time, vocabulary), state."""
        raise NotImplementedError

    def forward(self, source: Tensor, state: State | None = None) -> tuple[Memory, None]:
        """source: (batch, source time) int64 -> memory.  There is nothing to carry to the next pair."""
        return self.encode(source), None

    def loss(self, memory: Memory, targets: Tensor) -> Tensor:
        """Mean nats per target symbol, ``eos`` included.

        Args:
            memory: from ``forward``.
            targets: (batch, time) int64; ``pad`` and negative ids are not scored.
        """
        targets = targets.masked_fill(~scored(targets), self.pad)
        before = torch.cat([targets.new_full((len(targets), 1), self.bos), targets[:, :-1]], dim=1)
        logits, _ = self.decode(before, memory)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=self.pad)

    @torch.no_grad()
    def translate(self, source: Tensor, max_length: int) -> Tensor:
        """The most probable symbol at every step, until every row has written ``eos``.

        Args:
            source: (batch, source time) int64.
            max_length: write at most this many symbols.

        Returns:
            targets: (batch, time at most max_length) int64, ``eos`` included, ``pad`` behind it.
        """
        with evaluating(self):
            memory, state = self.encode(source), None
            token = source.new_full((len(source), 1), self.bos)
            ended = torch.zeros_like(token, dtype=torch.bool)
            written: list[Tensor] = []
            while len(written) < max_length and not ended.all():
                logits, state = self.decode(token, memory, state)
                token = logits[:, -1:].argmax(dim=-1).masked_fill(ended, self.pad)
                ended = ended | (token == self.eos)
                written.append(token)
            return torch.cat(written, dim=1) if written else source[:, :0]


class RecurrentTranslator(Translator):
    """Recurrent encoder-decoder with attention, the GNMT family (Wu et al. 2016), one layer of each kind.

    A bidirectional LSTM reads the source.  The decoder's first LSTM asks the attention, its second one sees the
    answer; no answer is fed back to the first, so that each LSTM runs over the whole target at once.
    """

    def __init__(self, vocabulary_size: int, width: int = 128, *, dropout: float = 0.0, **symbols: int):
        super().__init__(vocabulary_size, width, dropout=dropout, **symbols)
        self.encoder = nn.LSTM(width, width // 2, batch_first=True, bidirectional=True)
        self.asking = nn.LSTM(width, width, batch_first=True)
        self.attention = Attention(width)
        self.answering = nn.LSTM(2 * width, width, batch_first=True)

    def encode(self, source: Tensor) -> Memory:
        embedded = self.dropout(self.source_embedding(source))
        lengths = (source != self.pad).sum(1).cpu()
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.encoder(packed)[0], batch_first=True, total_length=source.shape[1])
        states = self.dropout(states)
        return states, states, source == self.pad

    def decode(self, tokens: Tensor, memory: Memory, state: State | None = None) -> tuple[Tensor, State]:
        first, second = (None, None) if state is None else state
        asked, first = self.asking(self.dropout(self.target_embedding(tokens)), first)
        asked = self.dropout(asked)
        answered, second = self.answering(torch.cat([asked, self.attention(asked, memory)], dim=-1), second)
        return self.decoder(self.dropout(asked + answered)), (first, second)


class ConvolutionalTranslator(Translator):
    """Convolutional sequence to sequence, the ConvS2S family (Gehring et al. 2017).

    Encoder and decoder are stacks of residual gated convolutions; every layer of the decoder attends to the source.
    The decoder's state is each layer's cached window and how many symbols have been read.

    Args:
        layers: in the encoder and in the decoder.
        kernel_size: odd, so that the encoder's windows have a middle.
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int = 128,
        layers: int = 3,
        kernel_size: int = 3,
        *,
        dropout: float = 0.0,
        **symbols: int,
    ):
        super().__init__(vocabulary_size, width, dropout=dropout, **symbols)
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size={kernel_size}: take an odd one, so that the encoder's windows have a middle")

        def gates() -> Iterable[nn.Module]:
            return (CausalConvolution(width, 2 * width, kernel_size, normalised=True) for _ in range(layers))

        self.encoder, self.gates = nn.ModuleList(gates()), nn.ModuleList(gates())
        self.attentions = nn.ModuleList(Attention(width) for _ in range(layers))
        self.ahead = kernel_size // 2

    def encode(self, source: Tensor) -> Memory:
        padding = source == self.pad
        kept = (~padding).unsqueeze(2)
        embedded = self.dropout(_with_positions(self.source_embedding(source)) * kept)
        hidden = embedded
        for layer in self.encoder:
            # Half the window in the future: a causal convolution of the sequence moved forward.
            gates = layer(F.pad(self.dropout(hidden), (0, 0, 0, self.ahead)))[0][:, self.ahead :]
            hidden = (hidden + F.glu(gates, dim=-1)) * math.sqrt(0.5) * kept
        return hidden, (hidden + embedded) * math.sqrt(0.5), padding  # values add the symbol itself (section 3.3)

    def decode(self, tokens: Tensor, memory: Memory, state: State | None = None) -> tuple[Tensor, State]:
        first = tokens.new_zeros(()) if state is None else state[0]
        windows = [None] * len(self.gates) if state is None else list(state[1])
        embedded = self.dropout(_with_positions(self.target_embedding(tokens), first))
        hidden = embedded
        pairs: Any = zip(self.gates, self.attentions, strict=True)
        for index, (layer, attention) in enumerate(pairs):
            gates, windows[index] = layer(self.dropout(hidden), windows[index])
            asked = F.glu(gates, dim=-1)
            asked = (asked + attention((asked + embedded) * math.sqrt(0.5), memory)) * math.sqrt(0.5)
            hidden = (hidden + asked) * math.sqrt(0.5)
        return self.decoder(self.dropout(hidden)), (first + tokens.shape[1], tuple(windows))


class TransformerTranslator(Translator):
    """Attention only (Vaswani et al. 2017), normalised first; the decoder's own positions are rotations.

    Args:
        layers: in the encoder and in the decoder.
        heads: attention heads per layer; ``width`` is a multiple of twice their number.
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int = 128,
        layers: int = 2,
        heads: int = 4,
        *,
        dropout: float = 0.0,
        **symbols: int,
    ):
        super().__init__(vocabulary_size, width, dropout=dropout, **symbols)
        self.blocks = nn.ModuleList(_DecoderBlock(width, heads, dropout) for _ in range(layers))
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout, "gelu", batch_first=True, norm_first=True)
        layer.self_attn.dropout = 0.0  # drawn inside a torch function, which `seeded` does not reach
        self.encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)

    def encode(self, source: Tensor) -> Memory:
        padding = source == self.pad
        embedded = self.dropout(_with_positions(self.source_embedding(source)))
        states = self.encoder(embedded, src_key_padding_mask=padding)
        return states, states, padding

    def decode(self, tokens: Tensor, memory: Memory, state: State | None = None) -> tuple[Tensor, State]:
        hidden = self.dropout(self.target_embedding(tokens))
        caches = [None] * len(self.blocks) if state is None else list(state)
        for index, block in enumerate(self.blocks):
            hidden, caches[index] = block(hidden, memory, caches[index])
        return self.decoder(self.norm(hidden)), tuple(caches)


class _DecoderBlock(nn.Module):
    """Causal self-attention, attention to the source, feed-forward: each normalised first and added."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.self_attention, self.attention = CausalSelfAttention(width, heads), Attention(width, heads)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: Tensor, memory: Memory, state: State | None) -> tuple[Tensor, State]:
        attended, state = self.self_attention(self.norms[0](inputs), state)
        inputs = inputs + self.dropout(attended)
        inputs = inputs + self.dropout(self.attention(self.norms[1](inputs), memory))
        return inputs + self.dropout(self.feed_forward(self.norms[2](inputs))), state


class Attention(nn.Module):
    """softmax(q·k / √width) over the source, padding left out: a weighted mean of the values."""

    def __init__(self, width: int, heads: int = 1):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, queries: Tensor, memory: Memory) -> Tensor:
        """queries: (batch, time, width) -> (batch, time, width)."""
        keys, values, padding = memory
        return self.attention(queries, keys, values, key_padding_mask=padding, need_weights=False)[0]


def _with_positions(embedded: Tensor, first: Tensor | int = 0) -> Tensor:
    """Add sines and cosines of the positions, ``first`` and on, to (batch, time, width) (Vaswani et al. 2017)."""
    _, time, width = embedded.shape
    half = width // 2
    frequency = 10_000.0 ** -(torch.arange(half, device=embedded.device) / half)
    angle = (torch.arange(time, device=embedded.device) + first)[:, None] * frequency
    table = torch.cat([angle.sin(), angle.cos()], dim=1)
    return embedded + F.pad(table, (0, width - 2 * half)).to(embedded)
