"""When a state forgets its start: small tanh-RNNs that tell norm, spectral radius and contraction apart."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lessons_lib.models import TanhRNN


@dataclass(frozen=True)
class System:
    """h_t = tanh(W h_{t-1} + b + x_t): ``weight`` (d, d), ``bias`` (d,), float64; ``lesson``: what it is there for."""

    name: str
    weight: Tensor
    bias: Tensor
    lesson: str

    def follow(self, starts: Tensor, steps: int, inputs: Tensor | None = None) -> Tensor:
        """Where many starts go on the same inputs.

        Args:
            starts: (count, d).
            inputs: (steps, d), added to W h + b; none when None.

        Returns:
            states: (steps + 1, count, d), the starts first.
        """
        states = [starts]
        for t in range(steps):
            driven = self.bias if inputs is None else self.bias + inputs[t]
            states.append(torch.tanh(states[-1] @ self.weight.mT + driven))
        return torch.stack(states)

    def core(self) -> TanhRNN:
        """The same system as a recurrent core whose inputs are the x_t, for the probes of ``lessons_lib.stability``."""
        size = len(self.bias)
        core = TanhRNN(size, size).double()
        with torch.no_grad():
            values = (torch.eye(size), self.weight, self.bias, torch.zeros(size))
            for parameter, value in zip(core.parameters(), values, strict=True):
                parameter.copy_(value)
        return core


def rotation(rate: float, angle: float = 0.6) -> System:
    """λ times a rotation of the plane: every singular value and every |eigenvalue| is λ = ``rate``."""
    turn = torch.tensor(angle, dtype=torch.float64)
    weight = rate * torch.stack([torch.stack([turn.cos(), -turn.sin()]), torch.stack([turn.sin(), turn.cos()])])
    return _system(f"{rate:g} x rotation", weight, lesson="norm = radius = λ: the distance falls by λ or more a step")


def orthogonal(rate: float, size: int = 64, seed: int = 0) -> System:
    """λ times a random orthogonal matrix."""
    weight = torch.empty(size, size, dtype=torch.float64)
    torch.nn.init.orthogonal_(weight, gain=rate, generator=torch.Generator().manual_seed(seed))
    return _system(f"{rate:g} x orthogonal", weight, lesson="norm = radius = λ, in many dimensions")


def gaussian(norm: float, size: int = 64, seed: int = 0) -> System:
    """A matrix with independent normal entries, scaled to ‖W‖_2 = ``norm``; its radius is about half that."""
    weight = torch.randn(size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    weight = weight * (norm / torch.linalg.matrix_norm(weight, 2))
    return _system(
        f"gaussian, norm {norm:g}", weight, lesson="‖W‖ > 1 may contract: the bound is sufficient, not necessary"
    )


def shear(rate: float, push: float) -> System:
    """[[λ, push], [0, λ]]: not normal, so that ‖W^t‖ first rises, and falls like t λ^t in the end."""
    weight = torch.tensor([[rate, push], [0.0, rate]], dtype=torch.float64)
    return _system(f"shear {rate:g}, {push:g}", weight, lesson="transient growth: apart first, together later")


def skewed(norm: float) -> System:
    """The direction of [[.3, 1], [0, .3]] at ‖W‖_2 = ``norm``; its radius is .28 of that."""
    weight = shear(0.3, 1.0).weight
    weight = weight * (norm / torch.linalg.matrix_norm(weight, 2))
    return _system(f"non-normal, norm {norm:g}", weight, lesson="radius far below the norm: apart first, then together")


PLANE = ("rotation", "gaussian", "non-normal", "two places")


def plane_system(kind: str, norm: float) -> System:
    """One of the systems named in PLANE, all with the same ‖W‖_2; only the last has a bias.

    Raises:
        ValueError: another kind.
    """
    if kind not in PLANE:
        raise ValueError(f"kind={kind!r}: choose one of {', '.join(PLANE)}")
    if kind == "two places":
        two = two_states()
        scale = norm / torch.linalg.matrix_norm(two.weight, 2)
        return _system(f"two places, norm {norm:g}", two.weight * scale, two.bias, two.lesson)
    return {"rotation": rotation(norm), "gaussian": gaussian(norm, size=2, seed=4), "non-normal": skewed(norm)}[kind]


def two_states() -> System:
    """Spectral radius .866, and yet two stable states: a radius below 1 contracts nothing once tanh bends the map."""
    return _system(
        "two stable states",
        torch.tensor([[1.5, -1.5], [1.5, -1.0]], dtype=torch.float64),
        torch.tensor([1.5, 6.0], dtype=torch.float64),
        "radius < 1 is not enough: some starts never meet",
    )


def starts(count: int, size: int = 2, seed: int = 0) -> Tensor:
    """Uniform in the box (-1, 1)^size, where every state of a tanh-RNN lives: (count, size)."""
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(count, size, dtype=torch.float64, generator=generator) - 1


def ring(count: int = 12, radius: float = 0.3) -> Tensor:
    """Starts on a circle around the origin: (count, 2)."""
    angles = 2 * torch.pi * torch.arange(count, dtype=torch.float64) / count
    return radius * torch.stack([angles.cos(), angles.sin()], dim=1)


def noise(steps: int, size: int = 2, seed: int = 0) -> Tensor:
    """Normal inputs of size 1: (steps, size)."""
    return torch.randn(steps, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def spread(states: Tensor) -> Tensor:
    """The largest distance between any two starts after each step: (steps + 1, count, d) -> (steps + 1,)."""
    return torch.stack([torch.cdist(at, at, compute_mode="donot_use_mm_for_euclid_dist").max() for at in states])


def destinations(states: Tensor, within: float = 1e-3) -> Tensor:
    """The different places where the starts ended, nearest to the first start's end first: (places, d)."""
    places: list[Tensor] = []
    for end in states[-1]:
        if all((end - place).norm() > within for place in places):
            places.append(end)
    return torch.stack(places)


def _system(name: str, weight: Tensor, bias: Tensor | None = None, lesson: str = "") -> System:
    return System(name, weight, torch.zeros(len(weight), dtype=torch.float64) if bias is None else bias, lesson)
