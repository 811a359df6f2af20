"""The questions and bets of lesson 06, with their answers: a notebook holds neither."""

from bisect import bisect
from collections.abc import Sequence

from lessons_lib.checks import predict, question
from lessons_lib.lessons.lesson_06.races import Standing

field = question(
    "Three causal convolutions with kernel size 2 and dilations 1, 2, 4 lie on top of each other. An output sees",
    ["4 inputs", "7 inputs", "8 inputs"],
    answer="8 inputs",
    why="Each adds (kernel size - 1) x dilation to the reach: 1 + 1 + 2 + 4. (A TCN has two of them per block: 15.)",
)

cell = question(
    "An LSTM with 50 units has read a million tokens. Its next prediction may depend on",
    ["the last 50", "as many as its gates let through, perhaps the first one", "the last 35"],
    answer="as many as its gates let through, perhaps the first one",
    why="Its architecture sets no limit. What the weights make of that is another matter: lessons 07 and 08.",
)

bet_on_edge = predict(
    "A TCN with k = 15 is trained on copying, once with lag 14 and once with lag 15. It gets right",
    ["all, then a little less", "all, then chance", "about half, then a little less"],
    answer="all, then chance",
    why="One step decides: at lag 14 the symbol is in the window, at lag 15 the proof holds.",
)


def edge_outcome(inside: float, outside: float) -> str | None:
    """What bet_on_edge asks, by the shares of right answers at lag 14 and at lag 15."""
    if inside < 0.9:
        return None
    return bet_on_edge.options[1 if abs(outside - 1 / 8) < 0.05 else 0]


bet_on_lstm = predict(
    "Lag 45, 300 batches for everyone. A TCN with k = 63 gets all answers right. The LSTM will get",
    ["all: it has a memory", "some, well above chance", "hardly more than chance"],
    answer="hardly more than chance",
    why="It could, and no theorem forbids it. But the gradient has to cross 45 steps to tell it so.",
)


def lstm_outcome(task: str, standings: Sequence[Standing]) -> str | None:
    """What bet_on_lstm asks, by a race on copying with k = 63, 300 batches for everyone; None before, and in others."""
    by_name = {standing.name: standing for standing in standings}
    batches = {standing.batches for standing in standings}
    if task != "copying" or by_name["TCN"].context_length != 63 or len(batches) > 1 or min(batches) < 300:
        return None
    share = by_name["LSTM"].score
    return None if share is None else bet_on_lstm.options[2 - bisect([0.2, 0.95], share)]


silent = question(
    "A model with context 20 is trained on copying with lag 20. After a million batches its accuracy is",
    ["still chance", "a little above chance", "it depends on the optimiser"],
    answer="still chance",
    why="The window is independent of the answer: every function of it is right once in S cases.",
)

equal = question(
    "In a race by batches the WaveNet beats the LSTM. Which of these would not be a fair objection?",
    ["the LSTM is faster per batch", "the LSTM's learning rate was not tuned", "the LSTM sees the whole past"],
    answer="the LSTM sees the whole past",
    why="That is an advantage which it did not use. The other two are: time and tuning are budgets too.",
)

flat = question(
    "On some task the score does not rise from k = 5 on. This shows that",
    ["nothing older than 5 inputs helps", "models of this size, trained so long, gain nothing from older inputs"],
    answer="models of this size, trained so long, gain nothing from older inputs",
    why="A larger model or a longer training may find what these did not. Lesson 07 asks how far.",
)
