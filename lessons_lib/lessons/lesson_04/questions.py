"""The questions and bets of lesson 04, with their answers: a notebook holds neither."""

from lessons_lib.checks import predict, question

past = question(
    "A recurrent model reads the tokens 1, 2, ..., t. Its prediction of token t + 1 may depend on",
    ["token t alone", "the tokens the gradient reached", "every token read so far"],
    answer="every token read so far",
    why="Each of them changed the state, and the state is carried on.",
)

window = question(
    "A feed-forward model with a context of 4 predicts token t + 1. The oldest token it can use is",
    ["token t - 4", "token t - 3", "token t - 5"],
    answer="token t - 3",
    why="Four tokens: t, t - 1, t - 2, t - 3. The last of them lies 4 steps before the one predicted.",
)

bet_on_floor = predict(
    "The gradient stops at k = 2, the lag is 4. The lowest loss along the way will be",
    ["0.89: bit B is out of reach", "well below 0.89, well above 0.40", "0.40: k does not matter"],
    answer="well below 0.89, well above 0.40",
    why="Nobody asked the state to keep what is four tokens old, but it does so anyway, for a while.",
)

bet_on_return = predict(
    "At k = 4 the model has learned bit B. Now you turn k back to 1. The loss",
    ["jumps to 0.89 at once", "creeps up to 0.89", "stays at 0.40"],
    answer="stays at 0.40",
    why="k limits what is learned, not what is remembered: the weights that keep bit B are there already.",
)

bet_on_words = predict(
    "From k = 20 to k = 1, the held-out loss on real words after 300 steps will",
    ["rise by a third, as above", "rise by some 5 %", "hardly change"],
    answer="hardly change",
    why="What pays most is in the last few words, and the state echoes those for nothing.",
)

writes = question(
    "An LSTM was trained with truncation length 35. When it writes a text, each word may depend on",
    ["the last 35 words", "the last 70 words", "everything written so far"],
    answer="everything written so far",
    why="Truncation ended the gradient; the state was never reset.",
)

floor = question(
    "A language's only lag is 50. Which model can certainly never get below H_20, however long it trains?",
    ["context length 20", "truncation length 20", "both"],
    answer="context length 20",
    why="It does not see the token that matters. The other one does: its state may hold it.",
)

first = question(
    "Chunked truncation, k = 35. How many steps back does the loss at the first position of a chunk reach?",
    ["35", "17 or 18", "none: only its own"],
    answer="none: only its own",
    why="Its walk would have to cross the cut. On average a position reaches 18 positions, not 35.",
)
