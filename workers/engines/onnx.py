"""onnxruntime sessions that share the machine politely."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from workers.engines.files import unusable

RUN_ERRORS = (ort_errors.Fail, ort_errors.InvalidArgument, ort_errors.RuntimeException)
"""What a run may raise; none of them derives from RuntimeError."""
_LOAD_ERRORS = (*RUN_ERRORS, ort_errors.InvalidProtobuf, ort_errors.InvalidGraph, ort_errors.NoSuchFile)


def session(path: Path, threads: int, model: bytes | None = None) -> onnxruntime.InferenceSession:
    """A CPU session whose idle threads sleep, of the file at ``path`` or of ``model``, which was made of it.

    Raises ModelFileError if it cannot be read.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning threads would take the cores from the engine whose turn it is.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        source = str(path) if model is None else model
        return onnxruntime.InferenceSession(source, sess_options=options, providers=["CPUExecutionProvider"])
    except _LOAD_ERRORS as error:
        raise unusable(path, error) from error
