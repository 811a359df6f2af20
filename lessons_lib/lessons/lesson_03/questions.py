"""The questions and bets of lesson 03, with their answers: a notebook holds neither."""

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

bet_layer = predict(
    "Kernel 2, dilations 1, 2, 4, 8: reach 16. One more layer, with dilation 16, makes it",
    ["17", "24", "32"],
    answer="32",
    why="The dilations add up to 31 now: each new layer reaches as far as all before it together.",
)

bet_holes = predict(
    "Greedy: let the dilations grow threefold, 1, 3, 9, 27, kernel 2. The reach is 41. Of these 41 inputs it reads",
    ["all 41", "about 30", "16"],
    answer="16",
    why="Four layers of two weights have 2 x 2 x 2 x 2 paths, so 16 inputs at most.",
)

longer = question(
    "A doubling stack of kernel 2 reaches 1,024 inputs. You need 4,096. You add",
    ["2 layers", "3,072 layers", "a kernel of 4 in each layer"],
    answer="2 layers",
    why="Each layer doubles the reach: 1,024, 2,048, 4,096.",
)

gaps = question(
    "Kernel 3, dilations 1, 4, 16. The task needs the input 3 steps back. The stack",
    ["reads it: its reach is 43", "cannot read it: there is a hole"],
    answer="cannot read it: there is a hole",
    why="Lags are sums of one of 0, 1, 2, one of 0, 4, 8 and one of 0, 16, 32: 3 is none. Growth 4 exceeds kernel 3.",
)

used = question(
    "Two untrained stacks reach 64 inputs: 63 plain layers and 6 dilated ones. The oldest input counts for more in",
    ["the plain one", "the dilated one", "neither: the reach is the same"],
    answer="the dilated one",
    why="One path of 63 layers leads there in the plain one, beside about 10 to the power 18 to the middle.",
)
