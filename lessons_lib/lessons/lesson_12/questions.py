"""The questions and bets of lesson 12, with their answers: a notebook holds neither."""

from bisect import bisect

from lessons_lib.checks import predict, question

path = question(
    "No forget gate of an LSTM exceeds 0.64. After 13 words the direct path through the cell keeps at most",
    ["0.3 %", "3 %", "30 %"],
    answer="0.3 %",
    why="0.64 to the power 13 is 0.003.",
)

holds = question(
    "An RNN was projected onto λ = 0.9 after every step. That it forgets at rate 0.9 holds for",
    ["every text", "texts like the training text", "the training text alone"],
    answer="every text",
    why="The rate is read off the weights: tanh and the inputs cannot undo it.",
)

bet_on_lstm = predict(
    "After a few hundred steps the stable LSTM's perplexity, compared with its unstable twin's, is",
    ["lower", "the same within 2 %", "higher by 2 to 20 %", "higher by more"],
    answer="higher by more",
    why="Its gates are kept small, so it learns and remembers less in the same number of steps.",
)


def lstm_outcome(ratio: float) -> str:
    """What bet_on_lstm asks, by the stable row's perplexity over the unstable one's."""
    return bet_on_lstm.options[bisect([0.98, 1.02, 1.2], ratio)]


bet_on_rnn = predict(
    "And the stable tanh-RNN's, compared with its unstable twin's, is",
    ["better by over 2 %", "within 2 % of it", "worse by over 2 %"],
    answer="better by over 2 %",
    why="A bound of 0.9 leaves the last dozen words, all that a tanh-RNN makes use of, and it bears a larger rate.",
)


def rnn_outcome(ratio: float) -> str:
    """What bet_on_rnn asks, by the stable row's perplexity over the unstable one's."""
    return bet_on_rnn.options[bisect([0.98, 1.02], ratio)]


overlapping = question(
    "The ranges of two rows overlap, three seeds each. This shows that",
    ["stability costs nothing", "these seeds cannot tell the rows apart", "the rows are the same within 1 %"],
    answer="these seeds cannot tell the rows apart",
    why="Not seen is not absent: more seeds make the means sharper and may part them.",
)

same_rate = question(
    "Both rows were trained with the rate that is best for the unstable one. The stable row's price is then",
    ["overestimated, if anything", "underestimated, if anything", "right"],
    answer="overestimated, if anything",
    why="The unstable row has its best rate, the stable one perhaps not.",
)

count = question(
    "A script divides the same total loss by N instead of N - 1. The perplexity it prints is",
    ["too low", "too high", "the same on a long text, to many digits"],
    answer="the same on a long text, to many digits",
    why="One in 245,000 is nothing; dropped words, restarted states and other vocabularies are not nothing.",
)
