"""The questions and bets of lesson 00, with their answers: a notebook holds neither."""

from lessons_lib.checks import predict, question

sure = question(
    "A model chooses among 2,000 words. Its mean loss, the mean of -ln p of the right word in nats, "
    "is ln 2,000 = 7.6. Then it",
    ["does no better than an even guess", "is nearly perfect", "is right half of the time"],
    answer="does no better than an even guess",
    why="An even guess gives each word 1/2,000, and -ln(1/2,000) is 7.6.",
)

shrink = question(
    "Two numbers differ by 1. Each step multiplies the difference by 0.9. After 20 steps it is about",
    ["0.1", "0.5", "0.9"],
    answer="0.1",
    why="0.9 to the power 20 is 0.12: what shrinks by a factor shrinks fast.",
)

bet_on_memory = predict(
    "Full model against last 20 words only: their predictions are far apart. A few steps after the pull they are",
    ["as far apart as before", "twice as close", "at least fifty times as close"],
    answer="at least fifty times as close",
    why="What lies k steps back is now worth at most 0.9^k, and in practice much less.",
)

bet_on_loss = predict(
    "The model loses nearly all of its memory. Within 300 more steps its loss, compared with a twin left alone, is",
    ["higher", "about the same", "lower"],
    answer="lower",
    why="The lost memory was noise to it: the words that help most are the last few.",
)

norm = question(
    "Which property of W does the bound λ limit?",
    ["its largest entry", "its largest singular value", "its determinant"],
    answer="its largest singular value",
    why="That is the most by which W can stretch the difference of two states.",
)

window = question(
    "Stable with λ = 0.5 instead of 0.9: the number of words that matter is then",
    ["smaller", "the same", "larger"],
    answer="smaller",
    why="The past fades like λ^k, and 0.5^k is small much sooner.",
)

fair = question(
    "The pulled run beat its twin. Does this show that bounded models learn better than unbounded ones?",
    ["yes", "no"],
    answer="no",
    why="The twin had a bad start, made so on purpose; one start, one size, one text prove nothing in general.",
)
