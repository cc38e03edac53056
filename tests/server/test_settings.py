"""Settings: the file, the environment on top, and mistakes named so that they can be mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import ConfigError
from server.engines import chosen, store_of, whisper_options
from server.settings import ROOT, load_settings
from workers.engines.whisper_options import WhisperOptions


def write(folder: Path, text: str) -> Path:
    path = folder / "my.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["callwright.yaml", "demo.yaml"])
def test_the_files_that_come_with_the_project_are_valid(name: str) -> None:
    load_settings(ROOT / "configs" / name)


def test_a_section_with_every_key_commented_out_means_defaults(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, "telephony:\n  sip:\nengines:\n")).telephony.sip.port == 5060


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLWRIGHT_TELEPHONY__SIP__PORT", "5099")
    monkeypatch.setenv("CALLWRIGHT_HOME", str(tmp_path / "home"))
    settings = load_settings(write(tmp_path, "telephony:\n  sip:\n    port: 5070\n    host: 127.0.0.2\n"))
    assert (settings.telephony.sip.port, settings.telephony.sip.host) == (5099, "127.0.0.2")
    assert settings.control_socket == tmp_path / "home" / "control.sock"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("telefony: {}\n", 1, "did you mean 'telephony'"),
        ("telephony:\n  sip:\n    prot: 5060\n", 3, "did you mean 'port'"),
        ("telephony:\n  sip:\n    port: many\n", 3, "telephony.sip.port"),
        ("telephony:\n  sip:\n    codecs: [opsu]\n", 3, "did you mean 'opus'"),
        ("- a\n- b\n", 1, "mapping"),
        ("engines:\n  recognition:\n    beem: 3\n", 3, "did you mean 'beam'"),
        ("engines:\n  recognition: {windows_s: [10, 40]}\n", 2, "1 to 30 seconds"),
    ],
)
def test_a_mistake_names_file_line_and_nearest_name(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert f"{path}:{line}:" in str(caught.value)
    assert words in str(caught.value)


def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLWRIGHT_TELEPHONY__SIP__PORT", "many")
    with pytest.raises(ConfigError, match="CALLWRIGHT_TELEPHONY__SIP__PORT"):
        load_settings(write(tmp_path, ""))


def test_the_digest_changes_with_the_settings_and_with_the_files(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("a")
    one = load_settings(write(tmp_path, "name: A\n")).digest(rules)
    two = load_settings(write(tmp_path, "name: B\n")).digest(rules)
    rules.write_text("b")
    three = load_settings(write(tmp_path, "name: B\n")).digest(rules)
    assert len({one, two, three}) == 3


def test_how_the_recogniser_listens_is_set_in_the_file(tmp_path: Path) -> None:
    text = 'engines:\n  second: ""\n  recognition: {beam: 3, windows_s: [8, 30]}\n'
    engines = load_settings(write(tmp_path, text)).engines
    (tmp_path / "whisper").mkdir()
    manifest = (
        "sets: {}\npackages: {}\nmodels:\n  whisper-base: {engine: whisper, licence: MIT, about: mine, path: whisper}\n"
    )
    (tmp_path / "models.yaml").write_text(manifest)
    store = store_of(engines, tmp_path, tmp_path / "models.yaml")
    options = WhisperOptions.model_validate(whisper_options(engines, store))
    assert (options.beam, options.windows_s, options.language, options.second) == (3, (8, 30), "en", "")


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("{}", "whisper-tiny-en"),
        ("{second: whisper-small}", "whisper-small"),
        ('{second: ""}', ""),
        ("{language: de}", ""),
        ("{whisper: whisper-tiny-en}", ""),
    ],
)
def test_a_second_recogniser_listens_where_it_knows_the_language_and_is_another(
    tmp_path: Path, text: str, second: str
) -> None:
    settings = load_settings(write(tmp_path, f"engines: {text}\n"))
    assert settings.engines.second_opinion == second
    assert not second or second in chosen(settings.engines, settings.knowledge)
