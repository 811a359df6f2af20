"""The questions and bets of lesson 02, with their answers: a notebook holds neither."""

from lessons_lib.checks import predict, question

kinds = question(
    "You change one input of a recurrent model. The outputs that may move are",
    ["its own and all after it", "its own and the next k - 1", "all of them"],
    answer="its own and all after it",
    why="The change enters the state, and the state is handed on. Nothing before it moves: the model is causal.",
)

size = question(
    "A recurrent model of 16 units has read 1,000 inputs. Its state holds",
    ["1,000 inputs", "16 numbers that mix all inputs", "the last 16 inputs"],
    answer="16 numbers that mix all inputs",
    why="The state never grows. What it keeps, and for how long, is the question of this lesson.",
)

bet_rule = predict(
    "W = 0 in all four blocks. The forget bias goes from 0 to 3. The half-life of an input goes from 1 step to about",
    ["2 steps", "15 steps", "100 steps"],
    answer="15 steps",
    why="σ(3) = 0.953, and 0.953 to the power 14.3 is one half.",
)

bet_feedback = predict(
    "Forget bias 3, half-life 15. Now W grows from 0 to 0.5 x orthogonal in each block. What is left after 60 steps",
    ["is less than before", "hardly changes", "is more than there was at first"],
    answer="is more than there was at first",
    why="The cell hardly leaks, and h feeds it again through W: what leaks out is more than made up for.",
)

product = question(
    "A tanh-RNN with norm 0.9 shall learn from what happened 100 steps ago. Of the gradient there is left at most",
    ["0.9", "3 in 100,000", "one half"],
    answer="3 in 100,000",
    why="0.9 to the power 100 is 2.7e-5: one factor per step, forward and backward alike.",
)

gate = question(
    "An LSTM's forget gates are all at 0.95. Its memory has a half-life of 14 steps",
    ["certainly", "if little comes back through W", "only without inputs"],
    answer="if little comes back through W",
    why="0.95 describes the cell alone. Feedback through the recurrent blocks may lengthen the memory without end.",
)

ever = question(
    "A model keeps one bit for 500 steps, whatever else it reads. Can its map be a contraction, λ < 1?",
    ["yes", "no"],
    answer="no",
    why="Under a contraction the two states, bit set and bit not set, come together whatever is read.",
)
