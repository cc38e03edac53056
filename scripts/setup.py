#!/usr/bin/env python3
"""Makes .venv ready: builds what must be built, installs the rest, fetches the models. Standard library only.

    python3 scripts/setup.py                  # what an operator needs, with the default models
    python3 scripts/setup.py --dev --models test

llama-cpp-python is compiled here: its default build takes every instruction that the CPU lists, and on virtual machines
that list AMX without granting it such a build dies with "illegal instruction". So the flags are chosen from
/proc/cpuinfo, never AMX, and the wheel is kept in a cache for the next clone.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "callwright" / "wheels"
LLAMA = "llama-cpp-python"
OPTIONS = {
    "GGML_AVX": "avx",
    "GGML_AVX2": "avx2",
    "GGML_FMA": "fma",
    "GGML_F16C": "f16c",
    "GGML_BMI2": "bmi2",
    "GGML_AVX512": "avx512f",
    "GGML_AVX512_VBMI": "",
    "GGML_AVX512_VNNI": "avx512_vnni",
    "GGML_AVX512_BF16": "avx512_bf16",
}
"""Option of llama.cpp's build → flag of /proc/cpuinfo that switches it on.

VBMI stays off: no kernel of llama.cpp asks for it (it is only reported), and all that was measured ran without. AMX is
not among them, and must not be.
"""


INPUTS = ("pyproject.toml", "constraints.txt", "requirements-sip.txt", "scripts/setup.py")
"""Files that decide what .venv holds: a change in one makes it anew."""
BROWSER = {"chromium": "chromium", "chromedriver": "chromium-driver"}
"""Program → Debian package."""
POSTGRES = Path("/usr/lib/postgresql")
"""Where Debian puts its servers, which are not on the PATH."""
APT_PATIENCE_S = 300
"""Longest that one step of apt may take; the tests can do without."""


class SetupError(Exception):
    """Said in one line."""


def say(text: str) -> None:
    """A line about what is going on."""
    print(f"setup: {text}", flush=True)


def check_machine() -> None:
    """Name everything that is missing, each with the Debian package that brings it."""
    missing = []
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs this may have an older one
        missing.append(f"Python 3.11 or newer (this is {platform.python_version()}): apt install python3")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        missing.append("Python's venv module: apt install python3-venv")
    for tool, package in (("gcc", "gcc"), ("g++", "g++"), ("make", "make")):
        if shutil.which(tool) is None:
            missing.append(f"{tool}: apt install {package}")
    if missing:
        raise SetupError("missing on this machine:\n  " + "\n  ".join(missing))


def cmake_args() -> str:
    """Options of llama.cpp's build for this CPU."""
    options = ["-DGGML_NATIVE=OFF", "-DLLAVA_BUILD=OFF", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_CURL=OFF"]
    if platform.machine() in ("x86_64", "AMD64"):
        found = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        has = set(found.group(1).split()) if found else set()
        options += [f"-D{option}={'ON' if flag in has else 'OFF'}" for option, flag in OPTIONS.items()]
    elif platform.machine() == "aarch64":
        found = re.search(r"^Features\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        has = set(found.group(1).split()) if found else set()
        arch = "armv8.2-a+fp16+dotprod" if {"asimdhp", "asimddp"} <= has else "armv8-a"
        options.append(f"-DGGML_CPU_ARM_ARCH={arch}")
    return " ".join(options)


def run(command: list[str], what: str, env: dict[str, str] | None = None) -> None:
    """Run quietly; on failure the last lines of its output are the error."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in done.stdout.strip().splitlines() if "WARNING" not in line][-15:]
        raise SetupError(f"{what} failed:\n  " + "\n  ".join(lines))


def pip(*arguments: str) -> list[str]:
    """A pip command of the virtual environment."""
    return [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]


def make_venv() -> None:
    """Create .venv if it is not there."""
    if not PYTHON.exists():
        say("creating .venv")
        run([sys.executable, "-m", "venv", str(VENV)], "creating .venv")


def pinned(name: str) -> str:
    """``name==version`` from constraints.txt."""
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if re.match(rf"{re.escape(name)}==", line, re.IGNORECASE):
            return line.strip()
    raise SetupError(f"constraints.txt does not pin {name}")


def llama_wheel() -> Path:
    """The compiled llama-cpp-python for this CPU and Python: from the cache, or built now (some minutes)."""
    arguments = cmake_args()
    requirement = pinned(LLAMA)
    tag = f"{sys.implementation.cache_tag}-{platform.machine()}"
    key = hashlib.sha256(f"{requirement} {arguments} {tag}".encode()).hexdigest()[:16]
    folder = CACHE / f"{requirement.replace('==', '-')}-{key}"
    for wheel in folder.glob("*.whl"):
        return wheel
    say(f"building {requirement} for this CPU; this takes 5 to 8 minutes on two cores, once")
    if shutil.which("cmake") is None:
        say("no cmake on this machine: the build takes one from the package index, for itself alone")
    folder.mkdir(parents=True, exist_ok=True)
    environment = {"CMAKE_ARGS": arguments, "FORCE_CMAKE": "1", "CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count() or 2)}
    partial = folder / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    command = pip("wheel", "-v", "--no-deps", "--no-cache-dir", "--no-binary", LLAMA, "-w", str(partial), requirement)
    show_build(command, {**os.environ, **environment})
    built = next(iter(partial.glob("*.whl")), None)
    if built is None:
        raise SetupError(f"building {requirement} brought no wheel")
    final = folder / built.name
    built.replace(final)
    partial.rmdir()
    return final


def show_build(command: list[str], env: dict[str, str]) -> None:
    """Run a compile and show how far it is: ninja and make both count their steps."""
    begun = time.monotonic()
    last: list[str] = []
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    shown = -1
    for line in process.stdout:
        last = [*last[-30:], line.rstrip()]
        step = re.search(r"\[\s*(\d+)/(\d+)\]", line)
        percent = re.search(r"\[\s*(\d+)%\]", line)
        share = int(step[1]) * 100 // int(step[2]) if step else int(percent[1]) if percent else None
        if share is not None and share != shown:
            shown = share
            bar = "█" * (share // 4) + "░" * (25 - share // 4)
            end = "\r" if sys.stdout.isatty() else "\n"
            if sys.stdout.isatty() or share % 10 == 0:
                print(f"  {bar} {share:3d} %  {time.monotonic() - begun:4.0f} s", end=end, flush=True)
    if process.wait() != 0:
        raise SetupError("building llama-cpp-python failed:\n  " + "\n  ".join(last[-15:]))
    say(f"built in {time.monotonic() - begun:.0f} s" + " " * 30)


def debian_for_tests() -> None:
    """A headless browser, and a Postgres server that nobody starts but the tests."""
    if not all(shutil.which(name) for name in BROWSER):
        debian(list(BROWSER.values()), "headless Chromium", "the console's pages are not tested here")
    if not shutil.which("initdb") and not list(POSTGRES.glob("*/bin/initdb")):
        debian(["postgresql"], "Postgres server", "the record is tested on SQLite alone here")


def debian(packages: list[str], what: str, without: str) -> None:
    """Install where we may, else say what to do; the tests that want it then skip and say so."""
    command = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        say(f"no {what}: {without}; {command}")
        return
    say(f"installing {what} for the tests")
    try:
        for step in ("apt-get update", command):
            subprocess.run(
                step.split(),
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=APT_PATIENCE_S,
                check=True,
            )
    except (subprocess.SubprocessError, OSError) as error:
        say(f"that failed ({error}): {without}")


def stamp(dev: bool) -> str:
    """Changes when the environment must be made again."""
    text = "".join((ROOT / name).read_text() for name in INPUTS)
    return hashlib.sha256(f"{text} {dev} {sys.version}".encode()).hexdigest()


def install(dev: bool) -> None:
    """Everything into .venv, pinned."""
    mark = VENV / ".callwright-stamp"
    made = mark.read_text() if PYTHON.exists() and mark.exists() else ""
    if made in (stamp(dev), stamp(True)):
        return
    make_venv()
    wheel = llama_wheel()
    say("installing the other packages into .venv")
    extras = "piper,demo,dev" if dev else "piper,demo"
    checked = pip("install", "--quiet", "--no-deps", "--require-hashes", "-r", "requirements-sip.txt")
    run(checked, "installing baresip-python")
    run(
        pip("install", "--quiet", "--prefer-binary", "-c", "constraints.txt", str(wheel), "-e", f".[{extras}]"),
        "installing packages",
    )
    mark.write_text(stamp(dev))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    parser.add_argument("--models", default="default", help="models or set of configs/models.yaml; none for none")
    options = parser.parse_args()
    try:
        check_machine()
        install(options.dev)
        if options.dev:
            debian_for_tests()
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    if options.models == "none":
        return 0
    return subprocess.call([str(PYTHON), "-m", "server.cli", "models", "fetch", *options.models.split(",")], cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
