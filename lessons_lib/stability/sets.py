"""Sets of stable weights, as frozen values: ask, project, certify, and turn the one number that matters.

A stable set is a subclass of ``StableSet``.  Whatever shows, searches or trains one asks it: defining the class is all
that adding a set takes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from lessons_lib.models import TorchModule
from lessons_lib.stability import rates
from lessons_lib.stability.layers import Layer, kinds_of, layers_of
from lessons_lib.stability.projections import (
    TOLERANCE,
    l1_rows_project,
    rounding,
    spectral_balls_project,
    within_spectral_ball,
)

_SETS: dict[str, type[StableSet]] = {}  # by class name and by short name, in order of definition


@dataclass(frozen=True)
class Knob:
    """The one number of a set that says how much memory it allows, and how it is shown.

    Args:
        field: where the set keeps it.
        label: a symbol; ``label`` ≤ number describes the set in a few characters.
        tooltip: one sentence for the pointer and for screen readers.
        low, high, step: of the slider.  At ``high`` the set hardly touches a freshly built model.
        switch: what is written beside the box that switches the set on.
        search: where a search looks for a good number; None: from ``low`` to ``high``.
        starts: numbers worth beginning a run with, each with its name.
    """

    field: str
    label: str
    tooltip: str
    low: float
    high: float
    step: float
    switch: str = "bound"
    search: tuple[float, float] | None = None
    starts: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class StableSet(ABC):
    """A set of weights: what training asks of it, and what panels, searches and figures ask besides.

    Subclasses are frozen dataclasses whose fields all have defaults.  Four methods are theirs to write; ``name``,
    ``knob``, ``kinds`` and the rest as far as they apply.
    """

    name: ClassVar[str]  #: short and unique; the class is found by it, or by its own name: see :func:`set_named`
    knob: ClassVar[Knob | None] = None  #: None: there is nothing to turn
    certifies: ClassVar[bool] = True  #: whether a member's rate is promised; else nothing is refused for lacking one
    kinds: ClassVar[tuple[str, ...]] = ()  #: of recurrence, as ``layers.kinds_of`` names them, that it certifies

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _SETS[cls.__name__] = cls
        if "name" in vars(cls):
            _SETS[cls.name] = cls

    # -- what training asks --------------------------------------------------------------------------------------

    @abstractmethod
    def contains(self, module: TorchModule) -> bool:
        """Whether the module lies in the set, within 1e-5 relative, and its certificate holds."""

    @abstractmethod
    def project_(self, module: TorchModule) -> Tensor:
        """Move the weights, in place, to the nearest point of the set.

        Returns:
            The Frobenius distance moved, a 0-d tensor.
        """

    @abstractmethod
    def rate(self, module: TorchModule) -> float:
        """The module's certified rate in the norm that ``describe`` names; may exceed 1, inf when none."""

    @abstractmethod
    def describe(self) -> str:
        """One sentence: the set, and the norm of its certificate."""

    def report(self, module: TorchModule) -> dict[str, float]:
        """What else a reader of a certificate should know, by name; nothing for most sets."""
        return {}

    # -- its knob ------------------------------------------------------------------------------------------------

    @property
    def knob_value(self) -> float | None:
        """Where the knob stands; None without a knob."""
        return None if self.knob is None else getattr(self, self.knob.field)

    def with_knob(self, value: float) -> Self:
        """This set with its knob at ``value``, everything else as it is.

        Raises:
            ValueError: the set has no knob, or refuses the value.
        """
        if self.knob is None:
            raise ValueError(f"{type(self).__name__} has no knob to turn")
        return self.at({self.knob.field: value})

    @property
    def searched(self) -> dict[str, tuple[float, float]]:
        """What a search varies, by name, each from where to where: the knob, where there is one."""
        return {} if self.knob is None else {self.knob.field: self.knob.search or (self.knob.low, self.knob.high)}

    def point(self) -> dict[str, float]:
        """Where this set stands in the space of ``searched``."""
        return {name: getattr(self, name) for name in self.searched}

    def at(self, point: Mapping[str, float]) -> Self:
        """This set moved to a point of that space, or along the axes that ``point`` names.

        Raises:
            ValueError: the set refuses it.
        """
        return replace(self, **point)

    # -- which models it is for ----------------------------------------------------------------------------------

    @classmethod
    def fits(cls, module: TorchModule) -> bool:
        """Whether something recurs in the module, and nothing but the ``kinds`` that this set certifies."""
        kinds = kinds_of(module)
        return bool(kinds) and kinds <= set(cls.kinds)

    def for_inputs(self, input_clip: float) -> Self:
        """The same set for inputs clipped to this; a set that holds whatever the inputs stays as it is."""
        return self

    @classmethod
    def promising(cls, rate: float) -> Self | None:
        """A set of this kind whose members all have a certified rate of at most ``rate``; None if none is known."""
        return None

    # -- how it is shown -----------------------------------------------------------------------------------------

    def in_short(self) -> str:
        """As short as a mark on a curve must be."""
        return self.describe() if self.knob is None else f"{self.knob.label} ≤ {self.knob_value:g}"

    def gate_limits(self) -> Mapping[str, float | str]:
        """What a row of an LSTM's recurrent blocks "i", "f", "z", "o" may have in l1 norm, as a number or in words.

        A block that is left out may have anything.
        """
        return {}

    @property
    def largest_singular_value(self) -> float | None:
        """The most that a value of ``singular_values`` may be; None: the set limits something else."""
        return None

    @property
    def starting_scale(self) -> float:
        """The size of orthogonal recurrent blocks with which a run in this set is worth starting."""
        return 0.5


def stable_sets() -> list[type[StableSet]]:
    """Every set that has been defined and has a name of its own, in order of definition."""
    return [kind for name, kind in _SETS.items() if vars(kind).get("name") == name]


def set_named(name: str) -> type[StableSet]:
    """The set with this class name or short name.

    Raises:
        ValueError: there is none; the names there are stand in the message.
    """
    if name not in _SETS:
        known = ", ".join(kind.__name__ for kind in stable_sets())
        raise ValueError(f"no stable set is called {name!r}: choose one of {known}, or import the module of your own")
    return _SETS[name]


def sets_for(module: TorchModule, rate: float | None = None) -> list[StableSet]:
    """Every set that fits this module, in order of definition, with its inputs clipped as the module does.

    With a ``rate`` those that promise it.
    """
    layers = [] if "uncertified" in kinds_of(module) else layers_of(module)
    clip = max((layer.input_limit for layer in layers), default=math.inf)
    fitting = [kind for kind in stable_sets() if kind.fits(module)]
    found = [kind() if rate is None else kind.promising(rate) for kind in fitting]
    return [one.for_inputs(clip) if math.isfinite(clip) else one for one in found if one is not None]


def set_for(module: TorchModule, rate: float | None = None) -> StableSet:
    """The first of :func:`sets_for`; Unconstrained() where there is none."""
    return next(iter(sets_for(module, rate)), Unconstrained())


@dataclass(frozen=True)
class Unconstrained(StableSet):
    """Every module.  Its rate is the module's own: see ``certified_rate``."""

    name = "unconstrained"
    certifies = False

    def contains(self, module: TorchModule) -> bool:
        return True

    def project_(self, module: TorchModule) -> Tensor:
        return torch.zeros(())

    def rate(self, module: TorchModule) -> float:
        return rates.certified_rate(module) if kinds_of(module) else math.inf

    def describe(self) -> str:
        return (
            "no constraint; the rate is the module's own, in the Euclidean norm (RNN, linear) "
            "or in the max or l1 norm of (c, h) weighted by the Perron vector (LSTM)"
        )

    def in_short(self) -> str:
        return "no bound"


@dataclass(frozen=True)
class SpectralBall(StableSet):
    """RNNs whose recurrent matrices have no singular value above ``bound``: every layer, ‖W_l‖_2 <= bound.

    With bound < 1 each layer contracts its own state at that rate in the Euclidean norm, whatever the inputs
    (Miller & Hardt 2018): tanh and ReLU have slope at most 1.
    """

    name = "spectral-ball"
    knob = Knob(
        "bound",
        "λ",
        "Spectral bound λ: after every step the singular values of the recurrent matrix are clipped at λ.",
        low=0.05,
        high=2.5,
        step=0.05,
        search=(0.8, 0.999),
        starts=(("stable", 0.9), ("on the edge", 1.0), ("very short memory", 0.3)),
    )
    kinds = ("tanh", "relu")

    bound: float = 0.95

    def __post_init__(self) -> None:
        if not 0 <= self.bound < math.inf:
            raise ValueError(f"bound={self.bound}: give a number from 0 up; Unconstrained() has no bound")

    def contains(self, module: TorchModule) -> bool:
        """Whether every layer is an RNN with ‖W‖_2 <= bound (1 + 1e-5).  Waits for the device once."""
        layers = layers_of(module)
        return self.fits(module) and all(_spectral_flags(layers, self.bound, TOLERANCE)[0])

    @torch.no_grad()
    def project_(self, module: TorchModule) -> Tensor:
        """Clip the singular values of every recurrent matrix at the bound, in place: the nearest point.

        On CUDA the host waits twice at most, however many layers there are: once to ask which matrices are outside
        the ball, and once, if any is, inside the eigendecomposition (of all of them; of each shape, if they differ).
        A matrix with NaN or infinite entries has no nearest point: it is left alone and the distance is NaN.

        Raises:
            ValueError: for a module without recurrent layers, or in which anything but an RNN recurs.
        """
        layers = required_layers(module, type(self))
        moved = layers[0].weight_hh.new_zeros(())
        inside, finite = _spectral_flags(layers, self.bound, rounding(layers[0].weight_hh.dtype))
        if not all(finite):
            moved = moved + math.nan
        flags = zip(layers, inside, finite, strict=True)
        outside = [layer.weight_hh for layer, is_inside, is_finite in flags if is_finite and not is_inside]
        for weight, nearest in zip(outside, spectral_balls_project(outside, self.bound), strict=True):
            moved = moved + replace_(weight, nearest)
        return moved.sqrt()

    def rate(self, module: TorchModule) -> float:
        """The largest ‖W_l‖_2, in the Euclidean norm; inf when a layer is gated, or none is recurrent."""
        return rates.certified_rate(module) if self.fits(module) else math.inf

    def describe(self) -> str:
        return f"RNN weights with spectral norm at most {self.bound:g}; rate in the Euclidean norm of h"

    @classmethod
    def promising(cls, rate: float) -> Self:
        return cls(rate)

    @property
    def largest_singular_value(self) -> float:
        return self.bound

    @property
    def starting_scale(self) -> float:
        """On the boundary."""
        return self.bound


@dataclass(frozen=True)
class LSTMStableSet(StableSet):
    """The stable LSTMs of Miller & Hardt (arXiv 1805.10369) at a fixed forget ceiling f̄, every layer.

    With ‖·‖ the largest row l1 norm, and W, U, b the recurrent, input and summed bias blocks of each gate:

        ‖W_i‖, ‖W_o‖ <= 1 - f̄       ‖W_z‖ <= (1 - f̄)/4       ‖W_f‖ <= (1 - f̄)²
        input_bound ‖U_f‖ : ‖b_f‖ = 3 : 4, together logit(f̄) - (1 - f̄)²

    so that no forget gate exceeds f̄ for |h| <= 1 and |x| <= input_bound.  U_i, U_z, U_o and their biases are
    free.  The set is convex and its rows separate, so the projection is exact.  The certificate also needs
    the inputs clipped: ``contains`` asks for ``input_clip <= input_bound`` on the module.
    """

    name = "published-lstm"
    knob = Knob(
        "forget_ceiling",
        "f̄",
        "Forget ceiling: after every step the weights are projected so that no forget gate exceeds it.",
        low=0.56,
        high=0.99,
        step=0.01,
        switch="ceiling",
        search=(0.58, 0.99),
        starts=(("stable", 0.64), ("on the edge", 0.95), ("very short memory", 0.56)),
    )
    kinds = ("lstm",)

    forget_ceiling: float = 0.64
    input_bound: float = 0.75

    def __post_init__(self) -> None:
        if not 0 < self.input_bound < math.inf:
            raise ValueError(f"input_bound={self.input_bound}: give a positive number, the module's input_clip")
        if not 0 < self.forget_ceiling < 1 or self._budget <= 0:
            raise ValueError(
                f"forget_ceiling={self.forget_ceiling} leaves no budget for the forget gates' inputs and "
                "biases: choose a value above 0.5504 and below 1"
            )

    @property
    def _budget(self) -> float:
        """What the forget gate's recurrent row leaves of the pre-activation logit(f̄)."""
        f = self.forget_ceiling
        return math.log(f / (1 - f)) - (1 - f) ** 2

    def contains(self, module: TorchModule) -> bool:
        """Whether every layer is an LSTM, clipped to ``input_bound``, within each bound (1e-5 relative)."""
        return all_clipped_lstms_within(module, self.input_bound, self._within)

    @torch.no_grad()
    def project_(self, module: TorchModule) -> Tensor:
        """Move every layer to the nearest point of its bounds, in place.  On CUDA the host never waits.

        It moves weights only: a module without ``input_clip`` stays outside the set (``contains`` is False).

        Raises:
            ValueError: for a module without recurrent layers, or in which anything but an LSTM recurs.
        """
        layers = required_layers(module, type(self))
        squares = layers[0].weight_hh.new_zeros(())
        for layer in layers:
            d = layer.hidden_size
            forget = slice(d, 2 * d)
            squares = squares + replace_(
                layer.weight_hh, l1_rows_project(layer.weight_hh, self._radii(layer.weight_hh))
            )
            inputs = layer.weight_ih[forget]
            squares = squares + replace_(inputs, l1_rows_project(inputs, 3 / 7 * self._budget / self.input_bound))
            biases = [b[forget] for b in (layer.bias_ih, layer.bias_hh) if b is not None]
            if biases:
                total = sum(biases[1:], biases[0])
                limit = 4 / 7 * self._budget
                outside = total.abs() > limit * (1 + rounding(total.dtype))
                # Two large biases that nearly cancel round their sum coarsely: aim inside by that much.
                grain = torch.stack(biases).abs().amax(0) * torch.finfo(total.dtype).eps
                within = torch.minimum(total.abs(), (limit - grain).clamp_min(0)) * total.sign()
                # The nearest pair with a bounded sum: each gives up the same share of the excess.
                excess = torch.where(outside, total - within, 0) / len(biases)
                for bias in biases:
                    bias -= excess
                squares = squares + len(biases) * excess.square().sum()
        return squares.sqrt()

    def rate(self, module: TorchModule) -> float:
        """The Perron root of M for this module's own norms and clip; inf without a clip, or for other layers.

        .9346 at the published constants.  It holds in the max norm of (c, h) weighted by M's Perron vector.
        """
        return rates.max_norm_rate(module) if self.fits(module) else math.inf

    def describe(self) -> str:
        return (
            f"LSTM weights with forget gates at most {self.forget_ceiling:g} for inputs clipped to "
            f"{self.input_bound:g}; rate in the max norm of (c, h) weighted by the Perron vector"
        )

    def for_inputs(self, input_clip: float) -> Self:
        return replace(self, input_bound=input_clip)

    def gate_limits(self) -> dict[str, float]:
        """In torch's block order i, f, z, o (Miller & Hardt, arXiv 1805.10369)."""
        free = 1 - self.forget_ceiling
        return {"i": free, "f": free**2, "z": free / 4, "o": free}

    def _radii(self, weight_hh: Tensor) -> Tensor:
        """The l1 bound of each recurrent row: (4 x hidden,)."""
        units = weight_hh.shape[1]
        return torch.cat([weight_hh.new_full((units,), radius) for radius in self.gate_limits().values()])

    def _within(self, layer: Layer) -> Tensor:
        d = layer.hidden_size
        slack = 1 + TOLERANCE
        recurrent = rates.row_norms(layer.weight_hh.detach()) <= self._radii(layer.weight_hh) * slack
        inputs = rates.row_norms(layer.weight_ih.detach()[d : 2 * d])
        biases = rates.total_bias(layer)[d : 2 * d].abs()
        return (
            recurrent.all()
            & (inputs * self.input_bound <= 3 / 7 * self._budget * slack).all()
            & (biases <= 4 / 7 * self._budget * slack).all()
        )


def required_layers(module: TorchModule, kind: type[StableSet]) -> list[Layer]:
    """The module's layers, where nothing recurs but the kinds that this set certifies; else one clear line."""
    layers = layers_of(module)
    if not layers:
        fitting = type(set_for(module)).__name__
        raise ValueError(f"{type(module).__name__} holds no torch.nn.RNN or LSTM layer to project: use {fitting}()")
    refuse_others(module, kind)
    return layers


def refuse_others(module: TorchModule, kind: type[StableSet]) -> None:
    """One clear line where anything recurs that this set does not certify: no projection could bring it in."""
    if others := sorted(kinds_of(module) - set(kind.kinds)):
        fitting = type(set_for(module)).__name__
        raise ValueError(f"{kind.__name__} cannot certify {' and '.join(others)} layers: use {fitting}()")


def all_clipped_lstms_within(module: TorchModule, input_bound: float, within: Callable[[Layer], Tensor]) -> bool:
    """Whether only LSTM layers recur, their inputs are clipped to ``input_bound``, and ``within`` accepts them."""
    layers = layers_of(module)
    if kinds_of(module) != {"lstm"} or any(layer.input_limit > input_bound for layer in layers):
        return False
    return bool(torch.stack([within(layer) for layer in layers]).all())


def _spectral_flags(layers: list[Layer], bound: float, slack: float) -> tuple[list[bool], list[bool]]:
    """For each layer: is it inside the ball, and is it finite (with a finite square)?  One transfer."""
    weights = [layer.weight_hh.detach() for layer in layers]
    inside = [within_spectral_ball(weight, bound, slack) for weight in weights]
    finite = [weight.square().sum().isfinite() for weight in weights]
    flags = torch.stack([*inside, *finite]).tolist()
    return flags[: len(layers)], flags[len(layers) :]


def replace_(target: Tensor, nearest: Tensor) -> Tensor:
    """Write into the parameter's own memory, and return the squared distance.

    A new Parameter would fall out of the one buffer in which cuDNN keeps all of a layer's weights.
    """
    if nearest is target:
        return target.new_zeros(())
    squared = (nearest - target).square().sum()
    target.copy_(nearest)
    return squared
