"""The questions and bets of lesson 09, with their answers: a notebook holds neither."""

from lessons_lib.checks import predict, question

certified = question(
    "A tanh-RNN whose recurrent matrix has largest singular value 0.9 is certainly",
    ["accurate", "0.9-contractive", "linear"],
    answer="0.9-contractive",
    why="The slope of tanh is at most 1, so a difference of states shrinks by 0.9 in every step, whatever the input.",
)

cut = question(
    "Truncation length k = 5 in training: how far back may a prediction of the trained model depend on its input?",
    ["5 steps", "as far as the state carries it"],
    answer="as far as the state carries it",
    why="The truncation length cuts the gradient. The context length cuts the input, and that is another number.",
)

bet_rnn = predict(
    "An unbounded RNN has trained for 300 steps. You pull λ to 0.9. Its held-out loss, 200 steps later, is",
    ["higher than the twin's", "about the twin's", "lower than the twin's"],
    answer="lower than the twin's",
    why="Large singular values made the gradient noisy; the bound calms it, and chords need little memory.",
)

bet_lstm = predict(
    "An unbounded LSTM has trained for 300 steps. You set the forget ceiling to 0.64. Its loss at once",
    ["hardly moves", "jumps up", "falls"],
    answer="jumps up",
    why="Most recurrent weights are cut to zero in one step; what is left was not trained to work alone.",
)

nearest = question(
    "W has singular values 3, 0.8 and 0.1. After projection onto the ball of radius 0.9 they are",
    ["0.9, 0.24, 0.03", "0.9, 0.8, 0.1", "0.9, 0.9, 0.9"],
    answer="0.9, 0.8, 0.1",
    why="The nearest point changes only what is over the bound; the first answer is rescaling.",
)

ceiling = question(
    "Raising the forget ceiling from 0.64 to 0.95 leaves the recurrent weights",
    ["more room", "the same room", "less room"],
    answer="less room",
    why="All limits contain 1 - f̄: a cell that keeps more of itself may take in less from the other units.",
)

clipping = question(
    "A run whose gradient is clipped in every step is",
    ["stable", "maybe unstable: the clip limits steps, not weights"],
    answer="maybe unstable: the clip limits steps, not weights",
    why="The model of this lesson's last experiment kept a norm above 3, and its gradients kept exploding.",
)
