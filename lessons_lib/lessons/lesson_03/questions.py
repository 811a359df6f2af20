"""The questions and bets of lesson 03, with their answers: a notebook holds neither."""

from bisect import bisect
from collections.abc import Callable, Sequence

from torch import Tensor

from lessons_lib.checks import predict, question

past = question(
    "A causal model has a context length of 16. The oldest input that y_t can depend on is",
    ["x_{t-16}", "x_{t-15}", "x_{t-17}"],
    answer="x_{t-15}",
    why="Sixteen inputs, its own included: t, t - 1, ..., t - 15.",
)

cliff = question(
    "You change an input 20 steps back. The output of that model",
    ["does not move at all", "moves a little", "moves if the weights are large"],
    answer="does not move at all",
    why="No path leads there, whatever the weights: a cliff, not a tail.",
)

bet_layers = predict(
    "Two layers with two weights each and dilations 1 and 2 read 4 inputs. Three more layers, with dilations 4, 8 "
    "and 16, go on top. The last output now reads",
    ["7 inputs", "16 inputs", "32 inputs"],
    answer="32 inputs",
    why="The dilations add up to 31: each new layer reaches as far as all the layers below it together.",
)


def inputs_read(reach: int) -> str | None:
    """The option of ``bet_layers`` that a measured reach is."""
    option = f"{reach} inputs"
    return option if option in bet_layers.options else None


bet_holes = predict(
    "Be greedy: set kernel 2 and 4 layers, and let the dilations grow threefold: 1, 3, 9, 27. The oldest input in "
    "reach is now 40 steps back, so 41 inputs lie in reach. Of these the output reads",
    ["all 41", "about 30", "16"],
    answer="16",
    why="Four layers of two weights have 2 x 2 x 2 x 2 = 16 paths, so they read 16 inputs at most.",
)


def holes(measured: Callable[[int, Sequence[int]], Tensor]) -> Callable[..., str | None]:
    """What a panel's setting shows about ``bet_holes``: the option nearest to the number of inputs with a gradient.

    ``measured(kernel, dilations)`` is the gradient by lag; at other settings than the bet's the outcome is None.
    """

    def outcome(kernel: int, layers: int, growth: int) -> str | None:
        if (kernel, layers, growth) != (2, 4, 3):
            return None
        read = int((measured(kernel, [growth**level for level in range(layers)]) > 0).sum())
        return ("16", "about 30", "all 41")[bisect([23, 36], read)]

    return outcome


longer = question(
    "A doubling stack of kernel 2 reaches 1,024 inputs. You need 4,096. You add",
    ["2 layers", "3,072 layers", "as many layers again"],
    answer="2 layers",
    why="Each layer doubles the reach: 1,024, 2,048, 4,096.",
)

gaps = question(
    "Kernel 3, dilations 1, 4, 16. The task needs the input 3 steps back. The stack",
    ["reads it, for its reach is 43", "cannot read it, for there is a hole"],
    answer="cannot read it, for there is a hole",
    why="Lags are sums of one of 0, 1, 2, one of 0, 4, 8 and one of 0, 16, 32: 3 is none. Growth 4 exceeds kernel 3.",
)

used = question(
    "Two untrained stacks reach 64 inputs: 63 plain layers and 6 dilated ones. The oldest input counts for more in",
    ["the plain one", "the dilated one", "neither: the reach is the same"],
    answer="the dilated one",
    why="In the plain one a single path of 63 layers leads there, and about 10 to the power 18 lead to the middle.",
)
