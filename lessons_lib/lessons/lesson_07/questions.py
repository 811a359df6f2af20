"""The questions and bets of lesson 07, with their answers: a notebook holds neither."""

from bisect import bisect

from lessons_lib.checks import predict, question
from lessons_lib.lessons.lesson_07.experiment import Cut

cut_what = question(
    "Lesson 04 knew two cuts at k. Which of them makes a feed-forward model of a recurrent one?",
    ["truncation length", "context length", "both"],
    answer="context length",
    why="It cuts the input: k words from a zero state. Truncation length cuts the gradient alone.",
)

uniform = question(
    "A model's perplexity on a text is 60. It is as unsure as a uniform choice among how many words?",
    ["ln 60, about 4", "60", "2 to the 60"],
    answer="60",
    why="Perplexity is the exponential of the mean loss, and a uniform choice among 60 words costs ln 60 nats.",
)

bet_on_cut = predict(
    "At the step at which n goes from 50 to 3, the perplexity",
    ["hardly moves", "rises, and stays below that of the word frequencies", "rises above that of the word frequencies"],
    answer="rises above that of the word frequencies",
    why="The weights were made for a state that has been read into, and meet one that is nearly empty.",
)


def cut_outcome(cut: Cut) -> str:
    """What bet_on_cut asks."""
    return bet_on_cut.options[bisect([1.1 * cut.before, max(1.1 * cut.before, cut.unigram)], cut.after)]


bet_on_training = predict(
    "n has been set from 50 to 3, and the training goes on. A hundred steps later the perplexity",
    ["is less than half of the way back", "is most of the way back", "is lower than before the cut"],
    answer="is most of the way back",
    why="Two words tell nearly all that fifty do here. The weights had to learn to start from an empty state.",
)


def training_outcome(cut: Cut) -> str | None:
    """What bet_on_training asks; None where there was no jump, or the hundred steps are not over."""
    if cut.later is None or cut.after < 1.1 * cut.before:
        return None
    return bet_on_training.options[bisect([0.5, 1.0], (cut.after - cut.later) / (cut.after - cut.before))]


steps_per_word = question(
    "An n-gram LSTM with n = 13 writes a text. How many LSTM steps does it take for each word?",
    ["1", "12", "13"],
    answer="12",
    why="It begins at a zero state each time and reads n - 1 = 12 words. The unbounded one takes a single step.",
)

flat = question(
    "Cut at n, a trained LSTM is as good as unbounded from n = 20 on. From this it follows that",
    ["no model has use for more than 19 words", "this model needs its last 19 words at most", "its gates are shut"],
    answer="this model needs its last 19 words at most",
    why="Another model, or the same one trained longer or on rarer words, may find use for older words.",
)

unsure = question(
    "You cut a trained LSTM to one word of context and its perplexity is worse than that of the word frequencies. Why?",
    ["a single word misleads it", "its weights never met an empty state", "it was trained for too long"],
    answer="its weights never met an empty state",
    why="They read it as if it had been written to. Trained with the reset, it does well.",
)
