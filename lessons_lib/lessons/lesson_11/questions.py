"""The questions and bets of lesson 11, with their answers: a notebook holds neither."""

from lessons_lib.checks import predict, question

needed = question(
    "Lesson 10: to halve the error that truncation makes in a λ = 0.8 model, k must grow by about",
    ["3", "30", "a factor of 2"],
    answer="3",
    why="0.8 to the power 3 is 0.51: the error falls like λ^k, so k grows with the logarithm of the accuracy.",
)

which = question(
    "Lesson 04: which of the two makes a feed-forward model of a recurrent one?",
    ["a truncation length of k", "a context length of k"],
    answer="a context length of k",
    why="The context length cuts the input and resets the state. The truncation length cuts the gradient only.",
)

bet_stable = predict(
    "Stable twins, λ = 0.8, after 100 steps. From k = 5 to k = 20 their relative gap falls",
    ["hardly", "to about a third", "to less than a thirtieth"],
    answer="to less than a thirtieth",
    why="Even k λ^k, the worst case of what is cut off, falls sevenfold; "
    "on these inputs the tanh forgets faster than λ = 0.8 asks.",
)

bet_unstable = predict(
    "Unstable twins: W = 2 x orthogonal, no bound. From k = 5 to k = 35, of 50 words, their relative gap",
    ["stays near 1", "halves", "falls a hundredfold"],
    answer="stays near 1",
    why="The gradient through 50 steps is dominated by the earliest words, which no truncation sees.",
)

bet_descent = predict(
    "A step that is safe at a* = 0.5 for every T is used at a* = 1.2, T = 20, from a = 1.1. Descent",
    ["converges", "converges more slowly", "blows up"],
    answer="blows up",
    why="The loss curves like a^(2T): the first step overshoots by thousands.",
)

grows = question(
    "Stable twins, ten times as many steps, the same accuracy. By the theorem k must grow",
    ["by a constant", "tenfold", "not at all"],
    answer="by a constant",
    why="k is of the order of log(N^β/ε): ten times the steps add αβ log 10 / log(1/λ).",
)

says = question(
    "The bound on the gap is 10^300 and the measured gap 0.001. What follows?",
    ["the theorem is wrong", "the bound says nothing here", "the measurement is wrong"],
    answer="the bound says nothing here",
    why="A true upper bound may be useless. It still tells how k must grow.",
)

clipping = question(
    "Clipping kept descent on the unstable system finite, with a fixed step. Did it settle?",
    ["yes", "no"],
    answer="no",
    why="Every step had the same length, and the optimum lay between two of them. "
    "Only steps that shrink would settle; the walls are as steep as before.",
)
