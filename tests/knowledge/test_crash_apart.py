"""kill -9 while a large release is written by a process of its own: of whoever asked for it, and of the writer.

The writer stops itself, or whoever asked, at a named moment; a killed owner takes its writer with it.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.base import KnowledgeBase
from knowledge.indexer import Embeds
from knowledge.settings import IndexSettings, KnowledgeSettings, ReleaseSettings

pytestmark = pytest.mark.models

ROOT = Path(__file__).parents[2]
WIRES = "# Wire transfers\n\nA wire inside the country costs {} dollars. It leaves before 4 p.m. the same day."
APART = KnowledgeSettings(releases=ReleaseSettings(apart_passages=0), index=IndexSettings(retry_s=0.5))
MOMENTS = {
    "the file is begun": ("sqlite3.connect", "r0002.making", 1),
    "the file is whole": ("os.rename", "r0002.making", 1),
    "the vectors follow": ("os.rename", "r0002.part", 2),
}
"""What the writer does, to which file, and which time of it is fatal."""
WRITER = """
import os, signal, sys

def audit(event, args):
    if event == {event!r} and str(args[0]).endswith({file!r}):
        trail = os.open({trail!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(trail, b".")
        if os.fstat(trail).st_size == {fatal}:
            os.kill(os.getppid() if {owner} else os.getpid(), signal.SIGKILL)
            signal.alarm(60)  # should it outlive the owner
            signal.pause()

sys.addaudithook(audit)
"""
OWNER = """
import sys, threading
from pathlib import Path
from contracts.errors import KnowledgeError
from knowledge import snapshotprocess
from knowledge.engine import open_base
from knowledge.settings import KnowledgeSettings

snapshotprocess._START = sys.argv[4] + snapshotprocess._START
base = open_base(Path(sys.argv[1]), Path(sys.argv[2]), KnowledgeSettings.model_validate_json(sys.argv[3]))
base.open()

def say(what):
    print(what, flush=True)

def price():
    return base.search("how much is a wire", limit=1).best.text.split("costs ")[1].split()[0]

proposed = threading.Event()

def callers():  # embedding makes way for them, so the release is written before all of its vectors are made
    while not proposed.is_set():
        price()

base.add(sys.argv[5].encode(), "wires.md", by="maria")
rows = "id,question,answer\\n" + "\\n".join(f"{n},What is fee {n}?,Fee {n} is {n} dollars." for n in range(80))
base.add(rows.encode(), "fees.csv", by="maria"); say("added")
asking = [threading.Thread(target=callers, daemon=True) for _ in range(2)]
for one in asking: one.start()
try:
    base.propose(by="maria", now=True); say("proposed")
except KnowledgeError as error:
    say(f"refused: {error}; live {price()}")
base.publish("r0002", by="maria", despite="a test"); say("published")
proposed.set()
for one in asking: one.join()
say(f"indexed {base.wait_indexed(100)}, live {price()}")
say("degraded " + (base.search("how much is a wire").degraded or "no"))
base.close()
"""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory, embedder: Embeds) -> Path:
    """A base with one release, in which a wire costs 25."""
    home = tmp_path_factory.mktemp("before")
    base = KnowledgeBase(home, KnowledgeSettings(), embedder)
    base.open()
    base.add(WIRES.format(25).encode(), "wires.md", by="maria")
    base.publish(base.propose(by="maria").release, by="maria")
    assert base.wait_indexed(60)
    base.close()
    return home


@pytest.fixture
def home(before: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(before, tmp_path / "home"))


@pytest.fixture
def reopened(home: Path, embedder: Embeds) -> Iterator[KnowledgeBase]:
    base = KnowledgeBase(home, APART, embedder)
    yield base
    base.close()


def run_owner(home: Path, model_dir: Path, moment: str, *, owner: bool) -> tuple[int, list[str]]:
    """Exit status, and what it said."""
    event, file, fatal = MOMENTS[moment]
    writer = WRITER.format(event=event, file=file, fatal=fatal, trail=str(home.parent / "trail"), owner=owner)
    given = [str(home), str(model_dir), APART.model_dump_json(), writer, WIRES.format(30)]
    command = [sys.executable, "-c", OWNER, *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-2000:]
    assert (home.parent / "trail").stat().st_size >= fatal, "it never came to that"
    return done.returncode, [line for line in done.stdout.splitlines() if not line.startswith("20")]


def asked(base: KnowledgeBase) -> str:
    best = base.search("how much is a wire", limit=1).best
    assert best is not None
    return best.text


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_owner_loses_nothing_acknowledged_and_publishes_when_it_is_back(
    home: Path, model_dir: Path, reopened: KnowledgeBase, moment: str
) -> None:
    status, said = run_owner(home, model_dir, moment, owner=True)
    assert status == -signal.SIGKILL
    assert said[:1] == ["added"]
    reopened.open()
    assert len(reopened.list_documents()) == 81
    release = reopened.stats().release
    assert release == "r0001" if "proposed" not in said else release in ("r0001", "r0002")
    assert ("25 dollars" if release == "r0001" else "30 dollars") in asked(reopened)
    if release == "r0001":  # what was asked for can simply be repeated
        reopened.publish("r0002", by="maria", despite="a test")
        assert "30 dollars" in asked(reopened)
    reopened.add(WIRES.format(31).encode(), "wires.md", by="maria")
    reopened.publish(reopened.propose(by="maria").release, by="maria", despite="a test")
    assert "31 dollars" in asked(reopened)
    assert reopened.wait_indexed(120)
    assert reopened.search("how much is a wire").degraded == ""


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_writer_costs_a_repetition_and_no_answer(home: Path, model_dir: Path, moment: str) -> None:
    status, said = run_owner(home, model_dir, moment, owner=False)
    assert status == 0
    if moment == "the vectors follow":  # in the background, where it is repeated
        assert said[1] == "proposed"
    else:
        assert said[1].startswith("refused: the release could not be written (-9")
        assert said[1].endswith("repeat it; live 25")
    assert said[2:] == ["published", "indexed True, live 30", "degraded no"]
