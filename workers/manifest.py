"""Which model files exist, where they come from, and where they lie on this machine.

::

    configs/models.yaml ──load_manifest──► Manifest ──┬─ ModelStore: model, file → path (engines, doctor, verify)
                                                      └─ workers.fetch: packages → files in the store

A model is a folder of files under the store's root. Each file is pinned by size and SHA-256 and is the concatenation,
in order, of members of wheels. An owner's own model replaces it by ``path:`` and is taken as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.configfile import load_yaml, read_yaml
from contracts.errors import ConfigError, ModelFileError
from contracts.settings import Settings

ROOT_VARIABLE = "CALLWRIGHT_MODELS"
DEFAULT_ROOT = "~/.cache/callwright"
DEFAULT_MANIFEST = Path(__file__).resolve().parent.parent / "configs" / "models.yaml"
ADVICE = "run `callwright models fetch`"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Package(Settings):
    """One wheel: exact version, and the size in bytes and SHA-256 of the wheel itself."""

    version: Name
    size: int = Field(gt=0)
    sha256: Sha256


class Part(Settings):
    """A member of a wheel, whose bytes are a file or a piece of one."""

    package: Name
    member: str = Field(min_length=1)


class ModelFile(Settings):
    """A target file: size in bytes, SHA-256, and the parts whose concatenation it is."""

    size: int = Field(gt=0)
    sha256: Sha256
    parts: list[Part] = Field(min_length=1)


class Model(Settings):
    """One model. Without ``files`` it must have a ``path``: the owner's own file or folder."""

    engine: str
    licence: str
    about: str = ""
    path: Path | None = None
    files: dict[Name, ModelFile] = Field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all pinned files."""
        return sum(file.size for file in self.files.values())


class Manifest(Settings):
    """The whole of configs/models.yaml."""

    sets: dict[Name, list[Name]] = Field(default_factory=dict)
    packages: dict[Name, Package] = Field(default_factory=dict)
    models: dict[Name, Model]

    def select(self, names: list[str]) -> list[str]:
        """Model names for names of models or sets (``all`` is every model), each once. Raises ConfigError."""
        chosen: dict[str, None] = {}
        for name in names:
            if name == "all":
                chosen.update(dict.fromkeys(self.models))
            elif name in self.sets:
                chosen.update(dict.fromkeys(self.sets[name]))
            elif name in self.models:
                chosen[name] = None
            else:
                known = ", ".join(["all", *self.sets, *self.models])
                raise ConfigError(f"no model or set '{name}' in the manifest; there are: {known}")
        return list(chosen)

    def model(self, name: str) -> Model:
        """The entry of that name. Raises ConfigError."""
        if name not in self.models:
            raise ConfigError(f"no model '{name}' in the manifest; there are: {', '.join(self.models)}")
        return self.models[name]


def load_manifest(path: Path = DEFAULT_MANIFEST) -> Manifest:
    """The manifest; relative ``path:`` entries start at the manifest's folder. Raises ConfigError."""
    manifest = load_yaml(path, Manifest)
    for where, problem in _problems(manifest):
        raise ConfigError(f"{path}:{read_yaml(path)[1].line(where)}: {problem}")
    models = {
        name: model.model_copy(update={"path": path.parent.resolve() / model.path.expanduser()})
        if model.path
        else model
        for name, model in manifest.models.items()
    }
    return manifest.model_copy(update={"models": models})


def _problems(manifest: Manifest) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """References that lead nowhere, each with its place in the file."""
    for set_name, members in manifest.sets.items():
        if set_name == "all" or set_name in manifest.models:
            yield ("sets", set_name), f"a set may not be called '{set_name}'"
        for index, member in enumerate(members):
            if member not in manifest.models:
                yield ("sets", set_name, index), f"set '{set_name}' names an unknown model '{member}'"
    for name, model in manifest.models.items():
        if not model.files and model.path is None:
            yield ("models", name), f"model '{name}' has neither files nor path"
        for file_name, file in model.files.items():
            for index, part in enumerate(file.parts):
                if part.package not in manifest.packages:
                    place = ("models", name, "files", file_name, "parts", index)
                    yield place, f"package '{part.package}' is not listed under packages"


def default_root() -> Path:
    """Where models lie: $CALLWRIGHT_MODELS, else ~/.cache/callwright."""
    return Path(os.environ.get(ROOT_VARIABLE) or DEFAULT_ROOT).expanduser()


def file_sha256(path: Path) -> str:
    """Lower-case hexadecimal SHA-256 of a file of any size. Raises OSError."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _size_and_time(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


class ModelStore:
    """The models on this machine: names to paths, and whether what lies there is what the manifest pins."""

    def __init__(self, manifest: Manifest, root: Path | None = None) -> None:
        self.manifest = manifest
        self.root = root or default_root()

    def folder(self, model: str) -> Path:
        """The model's folder, as CTranslate2 loads it. Raises ModelFileError unless all its files are there."""
        for problem in self.faults(model):
            raise ModelFileError(problem)
        return self._base(model)

    def path(self, model: str, file: str) -> Path:
        """One file of a model. Raises ModelFileError when it is missing or of the wrong size, ConfigError when unknown.

        With ``path:`` naming a file, that file stands for any file asked for.
        """
        entry = self.manifest.model(model)
        if entry.path is None and file not in entry.files:
            raise ConfigError(f"model '{model}' has no file '{file}'; there are: {', '.join(entry.files)}")
        for problem in self.file_faults(model, file, deep=False):
            raise ModelFileError(problem)
        return self.target(model, file)

    def target(self, model: str, file: str) -> Path:
        """Where the file lies or will lie, whether it exists or not."""
        base = self._base(model)
        return base if self.manifest.model(model).path and base.is_file() else base / file

    def verify(self, model: str) -> None:
        """Read every file and compare its SHA-256. Raises ModelFileError naming file, expected and found digest."""
        problems = self.faults(model, deep=True)
        self._remember(model, sound=not problems)
        if problems:
            raise ModelFileError("\n".join(problems))

    def verified(self, model: str) -> bool:
        """Whether ``verify`` once passed and no file changed size or time since; quick, reads no model file."""
        try:
            return self._stamp(model).read_text() == self._fingerprint(model) and not self.faults(model)
        except OSError:
            return False

    def faults(self, model: str, *, deep: bool = False) -> list[str]:
        """What is wrong with a model, one line each: missing files, wrong sizes and, if ``deep``, wrong digests."""
        entry = self.manifest.model(model)
        if entry.path is not None and not entry.path.exists():
            return [
                f"{entry.path}: model '{model}' is set to this path, but nothing is there; mend `path:` in the manifest"
            ]
        if entry.path is not None and entry.path.is_file():
            return []
        return [problem for file in entry.files for problem in self.file_faults(model, file, deep=deep)]

    def _stamp(self, model: str) -> Path:
        return self.root / ".verified" / f"{model}.json"

    def _fingerprint(self, model: str) -> str:
        """Pinned digests with the sizes and times of the files that lie there. Raises OSError when one is missing."""
        entry = self.manifest.model(model)
        seen = {name: (file.sha256, *_size_and_time(self.target(model, name))) for name, file in entry.files.items()}
        return json.dumps(seen)

    def _remember(self, model: str, *, sound: bool) -> None:
        """Keep or drop the stamp of a verified model. A store that cannot be written to is hashed anew each time."""
        if self.manifest.model(model).path is not None:
            return
        stamp = self._stamp(model)
        try:
            if sound:
                stamp.parent.mkdir(parents=True, exist_ok=True)
                stamp.write_text(self._fingerprint(model))
            else:
                stamp.unlink(missing_ok=True)
        except OSError:
            return

    def _base(self, model: str) -> Path:
        return self.manifest.model(model).path or self.root / model

    def file_faults(self, model: str, file: str, *, deep: bool) -> list[str]:
        """What is wrong with one pinned file: at most one line."""
        entry = self.manifest.model(model)
        target = self.target(model, file)
        if entry.path is not None:
            lacks = f"{target}: model '{model}' lacks this file; its folder is set by `path:` in the manifest"
            return [] if target.is_file() else [lacks]
        pinned = entry.files[file]
        if not target.is_file():
            return [f"{target}: model file is missing (expected SHA-256 {pinned.sha256}); {ADVICE}"]
        if (size := target.stat().st_size) != pinned.size:
            found = f"{size} bytes instead of {pinned.size}"
        elif deep and (digest := file_sha256(target)) != pinned.sha256:
            found = f"SHA-256 {digest}"
        else:
            return []
        return [f"{target}: model file is corrupt ({found}; expected SHA-256 {pinned.sha256}); {ADVICE}"]
