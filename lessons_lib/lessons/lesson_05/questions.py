"""The questions and bets of lesson 05, with their answers: a notebook holds neither."""

from bisect import bisect

from lessons_lib.checks import predict, question

reach = question(
    "A stack of 3 convolutions with kernel size 2, dilated 1, 2, 4. How many inputs can an output depend on?",
    ["6", "8", "16"],
    answer="8",
    why="1 + 1 + 2 + 4: every layer adds its dilation. With each doubling of the depth the reach is squared.",
)

state = question(
    "To compute the state after token 100, a recurrent model needs",
    ["token 100 and the state after token 99", "all 100 tokens, at the same time", "token 100 alone"],
    answer="token 100 and the state after token 99",
    why="So it must have been through 99 steps before, one after the other.",
)

bet = predict(
    "On your machine: which trains on more tokens a second at length 256, the LSTM or the TCN?",
    ["the LSTM, by twice or more", "neither by as much as twice", "the TCN, by twice or more"],
    answer="neither by as much as twice",
    why="That is for one or two cores: they have nothing to share out, and parallel work waits there too.",
)


def faster(ratio: float) -> str:
    """What bet asks, by the TCN's tokens a second over the LSTM's."""
    return bet.options[bisect([0.5, 2.0], ratio)]


longer = predict(
    "From length 4 to length 256, at the same batch, the tokens a second of the TCN",
    ["fall, or stay within a half", "grow up to fivefold", "grow more than fivefold"],
    answer="grow more than fivefold",
    why="Every operation costs a fixed call; long sequences share it among more tokens.",
)


def growth(ratio: float) -> str:
    """What longer asks, by the tokens a second at the longest length over those at the shortest."""
    return longer.options[bisect([1.5, 5.0], ratio)]


accelerator = question(
    "From one CPU core to a machine with thousands of arithmetic units: whose training gains most on long texts?",
    ["the recurrent model's", "the feed-forward model's", "both alike"],
    answer="the feed-forward model's",
    why="Its chain is short: nearly all of its work can be done side by side. The recurrent one waits at every step.",
)

batch = question(
    "A recurrent model trains on 16 sequences at a time instead of one. Its longest chain is",
    ["16 times as long", "as long as before", "a sixteenth"],
    answer="as long as before",
    why="Sequences do not wait for each other. That is how recurrent models use parallel machines at all.",
)

attends = question(
    "Which of these has, with its cache, the same cost for token 10,000 as for token 100?",
    ["a Transformer that sees everything", "a TCN", "neither"],
    answer="a TCN",
    why="Its window has a fixed length. The Transformer's newest position attends to all before it.",
)
