"""Sequence models, recurrent and feed-forward, under one contract.

``forward(inputs, state=None) -> (outputs, state)``, batch first, and ``context_length``: how many inputs an
output may depend on (None: the whole past).  A *state* is a tensor or a nested tuple of tensors: a recurrent
model's memory, or a feed-forward model's cached window.
"""

from lessons_lib.models.language_model import LanguageModel
from lessons_lib.models.recurrent import GRU, LSTM, RecurrentCore, TanhRNN
from lessons_lib.models.state import State, detach_state, map_state
from lessons_lib.models.windowed import Windowed, truncated_outputs

__all__ = [
    "GRU",
    "LSTM",
    "LanguageModel",
    "RecurrentCore",
    "State",
    "TanhRNN",
    "Windowed",
    "detach_state",
    "map_state",
    "truncated_outputs",
]
