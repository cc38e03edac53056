"""Model files: where they are, and one clear error when they are not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.errors import EngineFailed, ModelFileError

_FETCH = "run `callwright models fetch`"


def model_path(options: Mapping[str, Any], *needed: str) -> Path:
    """The option ``path``, with each file ``needed`` inside it (none: the path itself is the file).

    Raises EngineFailed without the option, ModelFileError naming the first file that is missing or empty.
    """
    if not options.get("path"):
        raise EngineFailed("option `path` is missing: the model's file or folder")
    path = Path(str(options["path"])).expanduser()
    for file in [path / name for name in needed] or [path]:
        if not file.is_file():
            raise ModelFileError(f"{file} is missing; {_FETCH}")
        if file.stat().st_size == 0:
            raise ModelFileError(f"{file} is empty; {_FETCH}")
    return path


def unusable(path: Path, error: BaseException) -> ModelFileError:
    """What to raise when a library cannot read a model file that is there."""
    line = " ".join(str(error).split())[:300]
    return ModelFileError(
        f"{path} cannot be loaded ({line}); it may be damaged: `callwright models verify`, or {_FETCH}"
    )
