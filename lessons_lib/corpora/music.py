"""Bach's chorales as piano rolls: which of 88 keys sound, frame by frame."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .download import JSB_CHORALES, read
from .tasks import IGNORED, scored

KEYS = 88
LOWEST_KEY = 21
"""MIDI number of key 0, the lowest A of the piano."""


@dataclass(frozen=True)
class Chorales:
    """The split of Boulanger-Lewandowski et al. (2012): lists of ``(time, 88)`` float32 tensors of 0 and 1."""

    train: list[Tensor]
    valid: list[Tensor]
    test: list[Tensor]


def jsb_chorales() -> Chorales:
    """The JSB chorales: 229 / 76 / 77 pieces of 25 to 160 frames, a quarter note each.

    Raises:
        DataUnavailable: the file is not on this machine and cannot be downloaded.
    """
    from scipy.io import loadmat

    content = loadmat(io.BytesIO(read(JSB_CHORALES)))
    splits = (
        [torch.from_numpy(piece.astype(np.float32)) for piece in content[key][0]]
        for key in ("traindata", "validdata", "testdata")
    )
    return Chorales(*splits)


class ChoraleBatches:
    """Whole pieces, side by side, to be predicted one frame ahead.

    Inputs and targets: ``(batch, steps, 88)`` float32, the frames of each piece but the last, and but the first.
    Pieces are padded at their end to ``steps``, the same for all batches: inputs with 0, targets with -100, which
    ``frame_loss`` leaves out.

    Args:
        pieces: ``(time, 88)`` tensors of at least 2 frames.
        batch_size: pieces in a batch; the last batch of an epoch may be smaller.
        epochs: how often the sequence goes through all pieces.
        seed: shuffles the pieces anew in every epoch; None keeps their order.
        device: where batches are put.

    Raises:
        ValueError: no pieces, a piece that is no such tensor, or a batch_size or epochs below 1.
    """

    carries_state = False
    unit = "frames"

    def __init__(
        self,
        pieces: Sequence[Tensor],
        batch_size: int,
        *,
        epochs: int = 1,
        seed: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        if not pieces or any(piece.ndim != 2 or piece.shape[1] != KEYS or len(piece) < 2 for piece in pieces):
            raise ValueError(f"pass at least one piece, each a (time, {KEYS}) tensor of 2 frames or more")
        if batch_size < 1 or epochs < 1:
            raise ValueError(f"batch_size={batch_size} and epochs={epochs} must both be at least 1")
        self.batch_size = batch_size
        self.epochs = epochs
        self.seed = seed
        self.steps = max(len(piece) for piece in pieces) - 1
        shape = (len(pieces), self.steps, KEYS)
        self._inputs = torch.zeros(shape, device=device)
        self._targets = torch.full(shape, float(IGNORED), device=device)
        for row, piece in enumerate(pieces):
            self._inputs[row, : len(piece) - 1] = piece[:-1]
            self._targets[row, : len(piece) - 1] = piece[1:]

    def _batches_an_epoch(self) -> int:
        return -(-len(self._inputs) // self.batch_size)

    def __len__(self) -> int:
        return self.epochs * self._batches_an_epoch()

    def __getitem__(self, index: int, /) -> tuple[Tensor, Tensor]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)} batches of chorales")
        epoch, batch = divmod(index % len(self), self._batches_an_epoch())
        order = np.arange(len(self._inputs))
        if self.seed is not None:
            order = np.random.default_rng([self.seed, epoch]).permutation(order)
        rows = torch.from_numpy(order[batch * self.batch_size :][: self.batch_size]).to(self._inputs.device)
        return self._inputs[rows], self._targets[rows]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return (self[index] for index in range(len(self)))


def frame_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Negative log-likelihood in nats, summed over the 88 keys, averaged over the predicted frames.

    Keys are independent given the past; this is how Bai et al. (2018) score polyphonic music.  To score a split,
    put it into one batch: the mean over batches weighs frames by the padding beside them.

    Args:
        logits: ``(..., 88)``, of each key sounding.
        targets: the same shape, of 0 and 1; -100 where a frame is padding.

    Returns:
        loss: 0-d; 0 when there is no frame to predict.
    """
    counted = scored(targets)
    losses = F.binary_cross_entropy_with_logits(logits, targets.clamp(min=0), reduction="none")
    frames = counted[..., 0].sum().clamp(min=1)
    return losses.masked_fill(~counted, 0).sum() / frames
