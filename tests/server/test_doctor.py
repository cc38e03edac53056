"""The doctor names what is wrong and says what to do."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from server.doctor import Port, check_cpu, check_disk, check_memory, check_models, check_port, check_rtp, check_sqlite


def test_amx_is_seen_and_never_used() -> None:
    line = check_cpu("flags\t\t: fpu avx2 avx512f amx_tile amx_int8\n")
    assert line.state in ("ok", "warn")
    assert "AMX is listed and never used" in line.text


def test_a_cpu_without_avx2_is_warned_about() -> None:
    assert check_cpu("flags\t\t: fpu sse2\n").state == "warn"


def test_too_little_memory_is_a_failure_with_advice() -> None:
    line = check_memory("MemTotal:        2048000 kB\n")
    assert line.state == "fail"
    assert "engines.large" in line.advice


def test_a_port_that_is_held_is_named_with_its_setting() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        number = holder.getsockname()[1]
        line = check_port(Port("http", "127.0.0.1", number, "tcp", "console.port"))
    assert line.state == "fail"
    assert str(number) in line.text
    assert "console.port" in line.advice
    assert f"process {os.getpid()}" in line.text


def test_too_few_rtp_ports_for_the_admitted_calls_are_a_failure() -> None:
    line = check_rtp(20000, 20019, 20)
    assert (line.state, "room for 10 calls" in line.text) == ("fail", True)
    assert check_rtp(20000, 20019, 10).state == "ok"


def test_a_missing_model_file_is_said_with_its_digest(tmp_path: Path) -> None:
    fault = f"{tmp_path}/model.bin: model file is missing (expected SHA-256 abc)"
    assert check_models([fault], 7, deep=False)[0].text == fault


def test_a_folder_still_to_be_made_is_judged_by_its_parent(tmp_path: Path) -> None:
    assert check_disk("home", tmp_path / "a" / "b").state in ("ok", "warn")


def test_the_write_ahead_log_is_tried_and_leaves_nothing(tmp_path: Path) -> None:
    assert check_sqlite(tmp_path).state == "ok"
    assert list(tmp_path.iterdir()) == []
