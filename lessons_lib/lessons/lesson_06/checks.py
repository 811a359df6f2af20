"""Checks of lesson 06's exercises."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence

from lessons_lib.checks.exercises import exercise, mismatch, named_mistake, pair
from lessons_lib.models import TCN


@exercise("The lag itself is not enough: the model must see one token more.")
def layers_needed(answer: Callable[[int, int], int]) -> str | None:
    """The fewest blocks of a TCN that sees the symbol ``lag`` steps back."""
    cases = [(lag, kernel) for kernel in (2, 3, 5) for lag in (1, 2, 3, 6, 7, 14, 15, 45, 62, 63)]
    given = [answer(lag, kernel) for lag, kernel in cases]

    def fewest(lag: int, kernel: int, spare: int) -> int:
        return next(n for n in range(1, 30) if 1 + 2 * (kernel - 1) * (2**n - 1) >= lag + spare)

    if given == [fewest(lag, kernel, 0) for lag, kernel in cases]:
        return "a context equal to the lag still misses the symbol: its own token is one of the k"
    if given == [fewest(lag, kernel, 2) for lag, kernel in cases]:
        return "that asks for one token too many: a context of lag + 1 sees the symbol"
    for (lag, kernel), layers in zip(cases, given, strict=True):
        if layers != fewest(lag, kernel, 1):
            seen = TCN(1, 1, fewest(lag, kernel, 1), kernel).context_length
            return (
                f"for a lag of {lag} and kernel size {kernel}, {fewest(lag, kernel, 1)} blocks see {seen} tokens, "
                f"and fewer do not see the symbol; yours is {layers}"
            )
    return None


@exercise("Below both numbers lies nothing but luck, whatever the model and however long it trains.")
def best_possible(answer: Callable[[int, Sequence[int], int], tuple[float, float]]) -> str | None:
    """Highest expected accuracy and lowest expected loss (nats) with context k, each of ``lags`` equally frequent."""
    lags, symbols = (3, 3, 8, 20), 6
    contexts = (1, 3, 4, 8, 9, 21)
    given = [two for k in contexts if (two := pair(answer(k, lags, symbols)))]
    if len(given) < len(contexts):
        return "give back two numbers: accuracy, loss"
    accuracies, losses = map(list, zip(*given, strict=True))
    unseen = [sum(lag >= k for lag in lags) / len(lags) for k in contexts]
    if mismatch(accuracies, [1 - u for u in unseen]) is None:
        return "an answer that is not seen can still be guessed: it is right once in so many symbols"
    beyond = [sum(lag > k for lag in lags) / len(lags) for k in contexts]
    if mismatch(losses, [u * math.log(symbols) for u in beyond]) is None:
        return "a lag of k is out of sight: k counts the present symbol too"
    if mismatch(losses, [u * math.log2(symbols) for u in unseen]) is None:
        return "the loss is in bits; this course counts in nats, so take math.log"
    if mismatch(losses, [u * math.log(len(lags)) for u in unseen]) is None:
        return "a guess is among the symbols, not among the lags"
    if mismatch(losses, [-u * math.log(symbols) for u in unseen]) is None:
        return "a loss is -ln of a probability: positive"
    for k, u, accuracy, loss in zip(contexts, unseen, accuracies, losses, strict=True):
        if difference := mismatch(accuracy, 1 - u + u / symbols):
            return f"accuracy with k = {k}, lags {lags} and {symbols} symbols: {difference}"
        if difference := mismatch(loss, u * math.log(symbols)):
            return f"loss with k = {k}, lags {lags} and {symbols} symbols: {difference}"
    return None


Windows = Sequence[Hashable]


@exercise(
    "No function of the window does better on these pairs: you answer each window with what follows it most often."
)
def best_accuracy(answer: Callable[[Windows, Windows], float]) -> str | None:
    """The largest share of right answers that a function of the window alone can have on these pairs."""
    windows = ["ab", "ab", "ab", "ab", "ba", "ba", "aa", "aa", "aa", "aa", "bb"]
    answers = ["x", "x", "x", "y", "y", "y", "x", "y", "z", "z", "x"]
    given = float(answer(windows, answers))
    after = {window: [a for w, a in zip(windows, answers, strict=True) if w == window] for window in windows}
    most = {window: Counter(found).most_common(1)[0][1] for window, found in after.items()}
    wrong = {
        "that ignores the windows: each of them may have an answer of its own": Counter(answers).most_common(1)[0][1]
        / len(answers),
        "weigh every window by how often it comes": sum(n / len(after[w]) for w, n in most.items()) / len(most),
        "that counts windows; count the pairs that are answered right": len(after) / len(windows),
        "that is a count; divide it by the number of pairs": float(sum(most.values())),
    }
    unnamed = f"for the windows {windows} with the answers {answers}: {{}}"
    if mistake := named_mistake(given, sum(most.values()) / len(windows), wrong, unnamed=unnamed):
        return mistake
    one = answer([0, 1, 0, 1], [5, 6, 5, 6])
    return None if mismatch(one, 1.0) is None else "where every window always has the same answer, the best share is 1"
