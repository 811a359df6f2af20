"""A small causal Transformer whose attention may be limited to a window."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib.models.convolution import Stack
from lessons_lib.models.state import State


class CausalSelfAttention(nn.Module):
    """Every position attends to itself and to the ``window - 1`` positions before it (None: to all of them).

    Positions enter as rotations of queries and keys, whose products depend on distances alone (Su et al. 2021,
    RoFormer): what lies beyond the window, even how much of it there was, changes nothing.

    The state holds keys and values of the window, each (batch, heads, at most window - 1, width / heads).
    """

    def __init__(self, width: int, heads: int, window: int | None = None):
        super().__init__()
        if width % (2 * heads):
            raise ValueError(f"width {width} is no multiple of twice the number of heads ({heads}): change one")
        if window is not None and window < 1:
            raise ValueError(f"window={window}: a position attends at least to itself; None: to all before it")
        self.heads, self.window = heads, window
        self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """inputs: (batch, time, width) -> outputs: (batch, time, width), and the cached keys and values."""
        time = inputs.shape[1]
        queries, keys, values = self.project(inputs).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if state is not None:
            keys, values = torch.cat([state[0], keys], dim=2), torch.cat([state[1], values], dim=2)
        total = keys.shape[2]
        # Keys are cached as they are and turned anew: counted from the window's start, angles stay small.
        cosine, sine = _rotations(total, queries)
        mixed = F.scaled_dot_product_attention(
            _rotate(queries, cosine[total - time :], sine[total - time :]),
            _rotate(keys, cosine, sine),
            values,
            attn_mask=self._mask(time, total, inputs.device),
        )
        kept = total if self.window is None else min(self.window - 1, total)
        state = keys[:, :, total - kept :], values[:, :, total - kept :]
        return self.merge(mixed.transpose(1, 2).flatten(2)), state

    def _mask(self, time: int, total: int, device: torch.device) -> Tensor:
        position = torch.arange(total, device=device)
        age = position[total - time :, None] - position
        return (age >= 0) if self.window is None else (age >= 0) & (age < self.window)


class TransformerBlock(nn.Module):
    """x + attention(norm x), then x + feed-forward(norm x) (Vaswani et al. 2017, normalised first)."""

    def __init__(self, width: int, heads: int, window: int | None = None, *, dropout: float = 0.0):
        super().__init__()
        self.input_size = self.hidden_size = width
        self.context_length = window
        self.attention = CausalSelfAttention(width, heads, window)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.attention_norm, self.feed_forward_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """inputs: (batch, time, width) -> outputs: (batch, time, width), and the attention's cache."""
        attended, state = self.attention(self.attention_norm(inputs), state)
        inputs = inputs + self.dropout(attended)
        return inputs + self.dropout(self.feed_forward(self.feed_forward_norm(inputs))), state


class Transformer(nn.Module):
    """Causal self-attention blocks: neither recurrent nor, without a window, of finite context.

    Args:
        input_size: width of an input.
        hidden_size: width of every block and of the outputs, a multiple of ``2 heads``.
        layers: number of blocks.
        heads: attention heads per block.
        window: how many positions, its own included, each one attends to; None: all up to its own.
        dropout: on what every sub-layer adds, while training.

    ``context_length`` = layers (window - 1) + 1, or None.  With a window the state stops growing once it is
    full; without, generation keeps every token and costs more with each.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        layers: int = 2,
        heads: int = 4,
        *,
        window: int | None = None,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.enter = nn.Identity() if input_size == hidden_size else nn.Linear(input_size, hidden_size)
        self.blocks = Stack(TransformerBlock(hidden_size, heads, window, dropout=dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden_size)
        self.context_length = self.blocks.context_length

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """inputs: (batch, time, input_size) -> outputs: (batch, time, hidden_size), and the blocks' caches."""
        outputs, state = self.blocks(self.enter(inputs), state)
        return self.norm(outputs), state


def _rotations(length: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines of position x frequency, (length, width / 2), in the type of ``like``: (..., width)."""
    size = 1 << (length - 1).bit_length()  # a sequence that grows asks for few tables
    cosine, sine = _table(size, like.shape[-1] // 2, like.dtype, like.device)
    return cosine[:length], sine[:length]


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def _table(length: int, half: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    # In float64, because at position 1,000 a float32 angle is wrong by 1e-4; on the CPU, because MPS has none.
    frequency = 10_000.0 ** -(torch.arange(half, dtype=torch.float64) / half)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * frequency
    return angle.cos().to(device, dtype), angle.sin().to(device, dtype)


def _rotate(vectors: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn the pairs (first half, second half) of (..., time, width) by one angle per position and pair."""
    first, second = vectors.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1)
