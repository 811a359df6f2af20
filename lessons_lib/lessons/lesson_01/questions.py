"""The questions and bets of lesson 01, with their answers: a notebook holds neither."""

from lessons_lib.checks import predict, question

worth = question(
    "In lesson 00, a model whose λ is 0.9 read the same inputs from two states. After 20 steps the gap was",
    ["exactly 0", "at most 0.12 of the first one", "as large as at first"],
    answer="at most 0.12 of the first one",
    why="0.9 to the power 20 is 0.12. Small, and never quite nothing.",
)

became = question(
    "A recurrent model became a feed-forward one in lesson 00 when its prediction was computed",
    ["without a state", "from the last k words, from a zero state", "from all words at once"],
    answer="from the last k words, from a zero state",
    why="What happened earlier is not in the input any more, and no state brings it along.",
)

bet_tail = predict(
    "The influence of an input on the recurrent model's output 30 steps later, beside that on its own output, is",
    ["exactly 0", "below 5 %, and not 0", "about the same"],
    answer="below 5 %, and not 0",
    why="Each step keeps at most 0.9 of a difference: 0.9 to the power 30 is 4 %. tanh takes some more.",
)

bet_cliff = predict(
    "The convolution has k = 8. You move k to 9. Its influence at lag 8, which was 0, becomes",
    ["a little more than 0", "about as large as at lag 7", "still 0"],
    answer="about as large as at lag 7",
    why="A window has no soft edge: the oldest input in it may count as much as any other.",
)

kind = question(
    "Output 50 of a model moves when you change input 49, 48 and 12, and no other. It is",
    ["certainly recurrent", "possibly feed-forward, with a context length of at least 39", "not causal"],
    answer="possibly feed-forward, with a context length of at least 39",
    why="From 12 to 50 there are 39 positions. Holes are allowed: a dilated convolution has them.",
)

digits = question(
    "A recurrent model's output stays the same in every digit, whatever the inputs 100 and more steps back are. So",
    ["its gradient there is large", "a window of 100 would do for such inputs", "it is not causal"],
    answer="a window of 100 would do for such inputs",
    why="What cannot be felt need not be read. That is the idea which the course makes precise.",
)

cache = question(
    "A convolution runs live, one input at a time, and keeps its last k - 1 inputs. Is it recurrent now?",
    ["yes: it has a state", "no: each input leaves after k steps"],
    answer="no: each input leaves after k steps",
    why="What divides the kinds is how long an input can be felt, not whether something is carried along.",
)
