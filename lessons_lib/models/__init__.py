"""Sequence models, recurrent and feed-forward, under one contract.

``forward(inputs, state=None) -> (outputs, state)``, batch first, and ``context_length``: how many inputs an
output may depend on (None: the whole past); ``contract.py`` says it in types.  A *state* is a tensor or a nested
tuple of tensors: a recurrent model's memory, or a feed-forward model's cached window.
"""

from lessons_lib.models.contract import Core, Predictor, Recurrent, SequenceModel, TorchModule, Trainable
from lessons_lib.models.convolution import CausalConvolution
from lessons_lib.models.evaluating import evaluating
from lessons_lib.models.gated_convolution import GatedConvolution, GatedLinearUnit
from lessons_lib.models.gated_recurrence import GatedRecurrence
from lessons_lib.models.generation import generate, generate_tokens
from lessons_lib.models.language_model import LanguageModel
from lessons_lib.models.linear_recurrence import (
    DiagonalRecurrence,
    LinearRecurrence,
    doubling_scan,
    parallel_scan,
    sequential_scan,
)
from lessons_lib.models.newton import Guess, affine_scan, looped_states, newton_guesses
from lessons_lib.models.quasi_recurrent import QRNN
from lessons_lib.models.recurrent import GRU, LSTM, RecurrentCore, TanhRNN
from lessons_lib.models.seeded import seeded
from lessons_lib.models.selective_recurrence import SelectiveRecurrence
from lessons_lib.models.sequence_to_sequence import (
    ConvolutionalTranslator,
    RecurrentTranslator,
    TransformerTranslator,
    Translator,
)
from lessons_lib.models.state import State, detach_state, map_state
from lessons_lib.models.tcn import TCN
from lessons_lib.models.transformer import Transformer
from lessons_lib.models.wavenet import WaveNet
from lessons_lib.models.windowed import Windowed, truncated_outputs

__all__ = [
    "GRU",
    "LSTM",
    "QRNN",
    "TCN",
    "CausalConvolution",
    "ConvolutionalTranslator",
    "Core",
    "DiagonalRecurrence",
    "GatedConvolution",
    "GatedLinearUnit",
    "GatedRecurrence",
    "Guess",
    "LanguageModel",
    "LinearRecurrence",
    "Predictor",
    "Recurrent",
    "RecurrentCore",
    "RecurrentTranslator",
    "SelectiveRecurrence",
    "SequenceModel",
    "State",
    "TanhRNN",
    "TorchModule",
    "Trainable",
    "Transformer",
    "TransformerTranslator",
    "Translator",
    "WaveNet",
    "Windowed",
    "affine_scan",
    "detach_state",
    "doubling_scan",
    "evaluating",
    "generate",
    "generate_tokens",
    "looped_states",
    "map_state",
    "newton_guesses",
    "parallel_scan",
    "seeded",
    "sequential_scan",
    "truncated_outputs",
]
