"""What the first author's public code does to an LSTM, as a set that says where it certifies nothing.

Read from github.com/millerjohnp/examples, commit 094bd11 of September 2018, ``main.py --stabilize`` of its word
language model.  After every step each recurrent block is *rescaled to equality*, over the sums of its columns, and the
forget gate's input block likewise; biases are left free.  It is research code at one revision: nothing shows that it
made a published table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lessons_lib.models import TorchModule
from lessons_lib.stability.rates import certified_rate, l1_rate, max_norm_rate, worst_forget_gate
from lessons_lib.stability.sets import StableSet, replace_, required_layers

RECURRENT = (0.395, 0.155, 0.099, 0.395)  # column sums of W_i, W_f, W_z, W_o
FORGET_INPUTS = 0.25  # column sums of U_f


@dataclass(frozen=True)
class LSTMPublishedCode(StableSet):
    """LSTMs whose blocks have the column sums that the public code gives them; no member is certified by that alone.

    The constants fit a forget ceiling of .605 in the l1 norm (columns) for inputs in [-1, 1]: what is missing for a
    certificate in either norm is the ceiling itself, because the forget gate's bias and its rows are not bounded.
    """

    name = "published-code"
    kinds = ("lstm",)
    certifies: ClassVar[bool] = False

    def contains(self, module: TorchModule) -> bool:
        """False: column sums alone certify nothing, whatever they are.  ``report`` says what is missing."""
        return False

    @torch.no_grad()
    def project_(self, module: TorchModule) -> Tensor:
        """Rescale each block's columns to their constants, in place: feasible, not the nearest point.

        Only the first layer, as the code does.  A column of zeros stays one.

        Raises:
            ValueError: for a module without recurrent layers, or with others than LSTMs.
        """
        layer = required_layers(module, type(self))[0]
        d = layer.hidden_size
        blocks = [*zip(layer.weight_hh.split(d), RECURRENT, strict=True), (layer.weight_ih[d : 2 * d], FORGET_INPUTS)]
        squares = layer.weight_hh.new_zeros(())
        for block, size in blocks:
            sums = block.abs().sum(0)
            squares = squares + replace_(block, block * torch.where(sums > 0, size / sums, 0))
        return squares.sqrt()

    def rate(self, module: TorchModule) -> float:
        """The smallest that any weighted norm gives, see ``certified_rate``; over 1 where forget biases are large."""
        return certified_rate(module)

    def report(self, module: TorchModule) -> dict[str, float]:
        """The largest value that any forget gate can reach, and the rates that follow from it.

        Both norms stand as they are; unit by unit is the least that a weighted max or l1 norm can come to.
        """
        return {
            "largest forget gate": worst_forget_gate(module),
            "rate in the max norm": max_norm_rate(module),
            "rate in the l1 norm": l1_rate(module),
            "rate unit by unit": certified_rate(module),
        }

    def describe(self) -> str:
        return "LSTM blocks rescaled to given column sums, biases free; no certificate"
