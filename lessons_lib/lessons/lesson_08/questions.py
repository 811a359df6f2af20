"""The questions and bets of lesson 08, with their answers: a notebook holds neither."""

from lessons_lib.checks import predict, question

depends = question(
    "Lesson 01: what may the output of a recurrent model at time t depend on?",
    ["the last k inputs", "every input up to t, and the start", "every input, later ones too"],
    answer="every input up to t, and the start",
    why="The state carries the past along, however long. Whether anything of it is left is today's question.",
)

reset = question(
    "Lesson 07: an LSTM whose state is reset 13 words back predicts nearly as well as before. Then the older words",
    ["were hardly used", "were never read", "cannot be used by any LSTM"],
    answer="were hardly used",
    why="The model could use them. On this text, with these weights, what they left in the state had faded.",
)

bet_radius = predict(
    "W = [[1.5, -1.5], [1.5, -1]] has radius 0.87; the bias is (1.5, 6). 200 starts run for 300 steps. They end",
    ["in one place", "in two places", "never at rest"],
    answer="in two places",
    why="The radius describes the map near 0 only, and this map never comes near 0.",
)

bet_inputs = predict(
    "A rotation with λ = 1.5 keeps its starts apart when there are no inputs. With random inputs of size 1 they",
    ["stay apart", "meet all the same", "fly off"],
    answer="meet all the same",
    why="Inputs push the tanh where it is flat. There every step forgets, though the norm of W promises nothing.",
)

bet_real = predict(
    "A tanh-RNN trained on text without a bound; its norm ends near 3. After 40 words of a page the median distance",
    ["has grown", "is about as at first", "is below a tenth"],
    answer="is below a tenth",
    why="Words are inputs, and large ones once trained: they push the tanh where it is flat.",
)

norm = question(
    "An RNN has spectral norm 2. What follows?",
    ["it remembers its start for ever", "nothing, without measuring", "training will fail"],
    answer="nothing, without measuring",
    why="A norm below 1 is sufficient for forgetting, not necessary. Inputs that saturate the tanh can make up for it.",
)

which = question(
    "W has spectral radius 0.9 and norm 5. Two states are 0.01 apart. After one step of tanh(W h + x) they are at most",
    ["0.009 apart", "0.05 apart", "5 apart"],
    answer="0.05 apart",
    why="One step obeys the norm; the radius speaks of powers of W, in the end.",
)

median = question(
    "On 64 contexts the median ratio after 40 words is 1e-8 and the largest 1.2. The model",
    ["forgets", "forgets on most contexts, and not on all", "does not forget"],
    answer="forgets on most contexts, and not on all",
    why="A promise must hold for every context; a measurement tells how often it would have been broken.",
)
