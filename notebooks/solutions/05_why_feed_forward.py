"""Answers of lesson 05, keyed by exercise."""


# %% exercise:05-1
def longest_chain(length, layers, recurrent):
    """Operations that must wait for each other, for one pass over a sequence."""
    return length + layers - 1 if recurrent else layers


# %% exercise:05-2
def tokens_per_second(work, batch, length, repeats, clock=time.perf_counter):
    """Tokens a second of the fastest run; work() handles batch x length tokens."""
    work()
    runs = [(clock(), work(), clock()) for _ in range(repeats)]
    shortest = min(ended - started for started, _, ended in runs)
    return batch * length / shortest


# %% exercise:05-3
def write(model, prompt, length):
    """prompt: (batch, time) -> the next tokens, (batch, length)."""
    unread, state, written = prompt, None, []
    for _ in range(length):
        features, state = model(unread, state)
        unread = model.logits(features[:, -1:]).argmax(-1)
        written.append(unread)
    return torch.cat(written, dim=1)
