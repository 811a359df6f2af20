"""Answers of lesson 07, keyed by exercise."""


# %% exercise:07-1
def counted_perplexity(text, n):
    """Count every n-gram of a text, then predict the same text from the counts."""
    grams = Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1))
    contexts = Counter(gram[:-1] for gram in grams.elements())
    loss = -sum(c * log(c / contexts[gram[:-1]]) for gram, c in grams.items())
    return exp(loss / grams.total())


# %% exercise:07-2
def n_gram_outputs(lstm, inputs, n):
    """The output at every position, each from a zero state, n - 1 words back."""
    outputs = []
    for t in range(inputs.shape[1]):
        window = inputs[:, max(0, t + 1 - (n - 1)) : t + 1]
        outputs.append(lstm(window)[0][:, -1])  # no state is passed on
    return torch.stack(outputs, dim=1)


# %% exercise:07-3
def cut_perplexity(model, tokens, n):
    """tokens: (time,) -> the perplexity of tokens[n - 1:], n - 1 tokens before each."""
    windows = tokens.unfold(0, n, 1)
    features, _ = model(windows[:, :-1])
    return torch.exp(model.loss(features[:, -1:], windows[:, -1:]))
