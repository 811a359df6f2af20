"""Training as a generator: settings that may change between steps, truncation, evaluation, checkpoints."""

from lessons_lib.training.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from lessons_lib.training.device import default_device
from lessons_lib.training.evaluate import batch_loss, mean_loss, perplexity
from lessons_lib.training.schedule import linear_decay
from lessons_lib.training.settings import Mailbox, Settings
from lessons_lib.training.train import StepRecord, TrainingState, train, training_step

__all__ = [
    "CheckpointError",
    "Mailbox",
    "Settings",
    "StepRecord",
    "TrainingState",
    "batch_loss",
    "default_device",
    "linear_decay",
    "load_checkpoint",
    "mean_loss",
    "perplexity",
    "save_checkpoint",
    "train",
    "training_step",
]
