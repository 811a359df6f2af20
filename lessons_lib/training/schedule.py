"""How a learning rate falls while a model trains."""


def linear_decay(progress: float, hold: float = 0.0) -> float:
    """The share of the first learning rate that is left: 1 up to ``hold``, then down in a line.

    Args:
        progress: how much of the training is done, from 0 to 1.
        hold: the part of the training for which the rate stays, below 1.

    Returns:
        a positive number, at the end too: :class:`Settings` refuse a rate of 0.
    """
    return max(1e-9, min(1.0, (1 - progress) / (1 - hold)))
