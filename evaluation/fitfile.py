"""`callwright cascade fit`: asks the bases of a data folder, fits, and writes the result into configs/cascade.yaml."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import yaml

from contracts.configfile import load_yaml
from contracts.errors import ConfigError
from dialog.matching import Answerable
from dialog.settings import CascadeFile
from dialog.words import Thesaurus
from evaluation.fitting import Judged, as_callers_ask, fit, judge
from evaluation.worlds import FILES, World, world

QUESTIONS = 400
"""Of each kind and base."""
PASSAGES = 10
LEAST_ERROR, SURE_ERROR = 0.02, 0.01
"""Shares of unanswerable questions that may reach `least` and `sure`; the mark is 3 %."""
_BLOCK = re.compile(r"^answerable:\n(?:[ \t].*\n|\n)*", re.MULTILINE)


def judged_world(one: World, thesaurus: Thesaurus, seed: int) -> list[Judged]:
    """Its questions as callers ask them, and which of the passages found answer them."""
    asked = as_callers_ask([*one.answerable, *one.unanswerable], seed)
    return judge(
        asked, lambda text: one.base.search(text, limit=PASSAGES), thesaurus, lambda one: one.article or one.case
    )


def fit_data(
    data: Path, models: Path, work: Path, thesaurus: Thesaurus, seed: int, say: Callable[[str], None]
) -> Answerable:
    """Fitted on every base that the folder has. Raises ConfigError if it has none."""
    names = [name for name, file in FILES.items() if (data / file).is_file()]
    if not names:
        raise ConfigError(f"{data}: none of {', '.join(FILES.values())} is there; give a folder laid out like that")
    judged: list[Judged] = []
    for name in names:
        say(f"{name}: taking in documents")
        with world(data, name, models, work, seed, QUESTIONS) as one:
            say(f"{name}: asking {len(one.answerable) + len(one.unanswerable)} questions")
            judged += judged_world(one, thesaurus, seed)
    return fit(judged, f"questions made from {' and '.join(names)} of {data.name}/", LEAST_ERROR, SURE_ERROR, seed)


def write(path: Path, fitted: Answerable) -> None:
    """Replace the file's ``answerable`` block and raise its version; everything else stays as its owner wrote it."""
    text = path.read_text("utf-8")
    version = load_yaml(path, CascadeFile).version if _BLOCK.search(text) else yaml.safe_load(text)["version"]
    block = yaml.safe_dump({"answerable": fitted.model_dump()}, sort_keys=False, width=110)
    text = _BLOCK.sub("", text).rstrip() + "\n" + block
    text = re.sub(r"^version: \d+", f"version: {version + 1}", text, flags=re.MULTILINE)
    CascadeFile.model_validate(yaml.safe_load(text))
    path.write_text(text, "utf-8")
