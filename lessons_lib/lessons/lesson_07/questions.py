"""The questions and bets of lesson 07, with their answers: a notebook holds neither."""

from lessons_lib.checks import predict, question

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
    ["hardly moves", "rises by a third or so", "rises above that of the word frequencies alone"],
    answer="rises above that of the word frequencies alone",
    why="The weights were made for a state that has been read into; they meet one that is nearly empty.",
)

bet_on_training = predict(
    "And after a hundred more steps of training with n = 3, the perplexity",
    ["stays as high", "is most of the way back", "is lower than before the cut"],
    answer="is most of the way back",
    why="What two words can tell is nearly all; the weights had to learn to start from nothing.",
)

steps_per_word = question(
    "An n-gram LSTM with n = 13 writes a text. How many LSTM steps does it take for each word?",
    ["1", "12", "13"],
    answer="12",
    why="It begins at a zero state each time and reads n - 1 = 12 words. The unbounded one takes a single step.",
)

flat = question(
    "Cut at n, a trained LSTM is as good as unbounded from n = 20 on. From this it follows that",
    ["no model could use more than 19 words", "this model uses its last 19 words", "its gates are shut"],
    answer="this model uses its last 19 words",
    why="Another model, or the same one trained longer, may find use for older words.",
)

unsure = question(
    "You cut a trained LSTM to one word of context and its perplexity is worse than that of the word frequencies. Why?",
    ["one word misleads", "it is sure of things it has not read", "the LSTM was trained too long"],
    answer="it is sure of things it has not read",
    why="Its weights take the empty state for a state that was read into. Trained with the reset, it does well.",
)
