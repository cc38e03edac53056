"""The ear of evaluation.hearing with the engines and settings of an operator's configuration."""

from __future__ import annotations

from evaluation.hearing import Listener
from server.engines import store_of, whisper_options
from server.settings import OperatorSettings, project_path


def listener(settings: OperatorSettings) -> Listener:
    """Raises ModelFileError for a model that is missing or unusable."""
    choice = settings.engines
    store = store_of(choice, settings.models_dir, project_path(choice.manifest))
    whisper = whisper_options(choice, store)
    return Listener(store, settings.voice, whisper, turn=choice.turn, vad=choice.vad, threads=choice.threads)
