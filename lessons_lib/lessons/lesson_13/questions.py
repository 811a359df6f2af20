"""The questions and bets of lesson 13, with their answers: a notebook holds neither."""

from lessons_lib.checks import predict, question

apart = question(
    "Lesson 08: two states of a λ-contractive map read the same t inputs. Their distance is then",
    ["at most λ^t times as large", "at most λ t times as large", "zero, if λ is below 1"],
    answer="at most λ^t times as large",
    why="Each step multiplies the distance by λ at most. That product comes back today, in a proof.",
)

waits = question(
    "Lesson 05: why is a tanh-RNN slow on a long sequence, however many processors there are?",
    ["it has too many parameters", "each step waits for the one before", "a tanh is slow to compute"],
    answer="each step waits for the one before",
    why="T inputs are T steps in a row. Whether they must be is the question of today.",
)

bet_gain = predict(
    "256 steps took 5 iterations at gain 0.8. At gain 2, where differences grow, they take",
    ["about 10", "about 30", "about 100"],
    answer="about 100",
    why="An error at an early step grows on its way to the later ones, so that these must wait for it.",
)

bet_parity = predict(
    "The stable RNN is asked about bits 31 to 40 of new sequences. Of its answers are right",
    ["about half", "about three quarters", "nearly all"],
    answer="about half",
    why="What was read 31 steps ago is left at 4 percent of its size, and the answer turns on it.",
)

bet_pass = predict(
    "Trained from zero states on 32 words, its loss far behind word 32 will be",
    ["above that up to word 32", "level with that", "below that"],
    answer="above that up to word 32",
    why="There it reads states that no training step has shown it.",
)

why_scan = question(
    "A linear recurrence has λ = 1.1. In exact numbers a parallel scan finds its states",
    ["rightly, at every length", "only where T is small", "never, as it is unstable"],
    answer="rightly, at every length",
    why="Linearity permits the scan. Stability keeps its numbers bounded, and permits cutting off the past.",
)

many = question(
    "Newton's method on 10,000 steps of an RNN ends after 6 iterations. So along this trajectory, most likely,",
    ["differences of states grow", "differences of states die out", "the RNN is a linear one"],
    answer="differences of states die out",
    why="Then an error at one step is forgotten before it spoils the later ones.  A linear one takes one iteration.",
)

latch = question(
    "A model certified at λ = 0.9 loses 0.02 nats a bit on parity up to bit 10. On bit 1,000 its loss is",
    ["about 0.02 nats", "about log 2, or more", "about 100 times 0.02"],
    answer="about log 2, or more",
    why="The bound knows λ and the lag, and not how long was trained: 0.9^999 is nothing.",
)
