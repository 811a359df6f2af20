"""The questions and bets of lesson 13, with their answers: a notebook holds neither."""

from lessons_lib.checks import predict, question

same = question(
    "Lesson 11: when do a recurrent model and its truncation train to nearly the same weights?",
    ["when both are projected onto a stable set", "when k is the batch length", "always, given time"],
    answer="when both are projected onto a stable set",
    why="Then differences of the gradients fall like k λ^k, and the steps give them little time to grow.",
)

spread = question(
    "Lesson 12: two models' perplexities over three seeds are 96 to 99 and 98 to 101. Which one is better?",
    ["the first", "the seeds do not tell", "the second"],
    answer="the seeds do not tell",
    why="The ranges overlap. More seeds, or a smaller claim.",
)

bet_equal = predict(
    "7 words are enough here. The same 75 steps of Adam, but the truncated RNN is given 15 words: its loss",
    ["falls", "rises", "stays the same"],
    answer="rises",
    why="Every word more is a step more to learn through, and brings no news. A convolution need not go through them.",
)

bet_choice = predict(
    "The RNN truncated to k = 7, on this language. In 300 steps it comes",
    ["near the upper level, and stays", "near the lower level", "below the lower level"],
    answer="near the upper level, and stays",
    why="It sees 7 words, exactly as many as are needed. Nothing can be better than the lower level, except by luck.",
)

bet_linear = predict(
    "A linear recurrence of 64 units, every |λ| below 0.98, trains on it for some hundred steps. Its perplexity is",
    ["1.64 times the optimum", "within a tenth of the optimum", "below the optimum"],
    answer="within a tenth of the optimum",
    why="A unit that turns by its angle at every step can count to 16. The MLP behind it reads off which word it was.",
)

fair = question(
    "A TCN with context 63 beats an RNN truncated to 10. Does it show that convolutions are better?",
    ["yes", "no: the contexts differ", "no: TCNs have more layers"],
    answer="no: the contexts differ",
    why="One thing must vary. At equal context the question is open; here two things varied at once.",
)

tune = question(
    "In your ablation the RNN was worst at a learning rate of 0.005. What may you claim?",
    ["RNNs are worst", "the RNN was worst at this rate and these steps", "nothing at all"],
    answer="the RNN was worst at this rate and these steps",
    why="A fair table searches a rate for each row. Where that is too dear, the limit belongs into the report.",
)

linear = question(
    "Why can a linear recurrence be trained in parallel, and a tanh-RNN not?",
    ["it has fewer parameters", "stretches of it join into one step of the same kind", "it has no state"],
    answer="stretches of it join into one step of the same kind",
    why="Two tanh steps in a row are no tanh step. Two linear ones are a linear one, with λ squared.",
)
