"""The questions and bets of lesson 08, with their answers: a notebook holds neither."""

from bisect import bisect

from lessons_lib.checks import predict, question

depends = question(
    "Lesson 01: what may the output of a recurrent model at time t depend on?",
    ["the last k inputs", "every input up to t, and the start", "every input, later ones too"],
    answer="every input up to t, and the start",
    why="The state carries the past along, however long. Whether anything of it is left is today's question.",
)

product = question(
    "Lesson 02: what a tanh-RNN keeps of its first input after j steps is",
    ["a sum of j slopes of tanh", "a product of j factors", "the j-th gate"],
    answer="a product of j factors",
    why="Each step multiplies by W and by the slope of tanh. This lesson bounds the factor, and everything follows.",
)

bet_radius = predict(
    "W = [[1.5, -1.5], [1.5, -1]] has radius 0.87; the bias is (1.5, 6). 200 starts run for 300 steps. They end",
    ["in one place", "in two places", "never at rest"],
    answer="in two places",
    why="The radius describes the map near 0 only, and this map never comes near 0.",
)


def places(count: int) -> str:
    """How many places of rest were found, as an option of ``bet_radius``."""
    return {1: "in one place", 2: "in two places"}.get(count, "never at rest")


bet_inputs = predict(
    "A rotation with λ = 1.5 keeps its starts apart when there are no inputs. With random inputs of size 1 they",
    ["stay apart", "meet all the same", "fly off"],
    answer="meet all the same",
    why="Inputs push the tanh where it is flat. There every step forgets, though the norm of W promises nothing.",
)


def ring(left: float) -> str:
    """What is left of the ring's first distances, as an option of ``bet_inputs``."""
    return ("meet all the same", "stay apart", "fly off")[bisect((0.01, 10.0), left)]


bet_real = predict(
    "An RNN trained on text without a bound; its norm ends near 3. Two readers then read the same 40 words. "
    "On the median page their distance",
    ["has grown", "is about as at first", "is below a tenth"],
    answer="is below a tenth",
    why="Words are inputs, and large ones once trained: they push the tanh where it is flat.",
)


def reading(left: float) -> str:
    """What is left of two readers' distance, as an option of ``bet_real``."""
    return ("is below a tenth", "is about as at first", "has grown")[bisect((0.1, 1.5), left)]


which = question(
    "W has spectral radius 0.9 and norm 5. Two states are 0.01 apart. After one step of tanh(W h + x) they are at most",
    ["0.009 apart", "0.05 apart", "5 apart"],
    answer="0.05 apart",
    why="One step obeys the norm; the radius speaks of powers of W, in the end.",
)

three = question(
    "A stable RNN, λ = 0.9, should use a bit that it read 100 steps ago. Why will training not find that out?",
    [
        "the gradient that reaches back 100 steps is below 0.9^100 of what it was",
        "the gradient explodes on its way back through 100 steps of the same W",
        "the gradient is exact, but the learning rate of a stable model is small",
    ],
    answer="the gradient that reaches back 100 steps is below 0.9^100 of what it was",
    why="That is 3e-5. The state keeps no more of the bit than that either: it is the same product.",
)

median = question(
    "On 64 contexts the median ratio after 40 words is 1e-8 and the largest 1.2. The model",
    ["forgets", "forgets on most contexts, and not on all", "does not forget"],
    answer="forgets on most contexts, and not on all",
    why="A promise must hold for every context; a measurement tells how often it would have been broken.",
)
