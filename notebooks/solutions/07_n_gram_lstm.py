"""Answers of lesson 07, keyed by exercise."""


# %% exercise:07-1
def context(words, t, n):
    """The words from which an n-gram model predicts words[t]."""
    return words[max(0, t - (n - 1)) : t]


# %% exercise:07-2
def bigram(tokens, unigram, a):
    """(vocabulary, vocabulary): pairs counted, and in every row a words with the unigram's frequencies added."""
    counts = torch.zeros(len(unigram), len(unigram))
    for first, second in pairwise(tokens):
        counts[first, second] += 1
    added = a * unigram
    return (counts + added) / (counts.sum(1, keepdim=True) + a)


# %% exercise:07-3
def cut_perplexity(model, tokens, n):
    """tokens: (time,) -> the perplexity of tokens[n - 1:], each predicted from the n - 1 tokens before it."""
    windows = tokens.unfold(0, n, 1)
    features, _ = model(windows[:, :-1])
    return torch.exp(model.loss(features[:, -1:], windows[:, -1:]))
