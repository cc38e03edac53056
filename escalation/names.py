"""Finds people's names in what was said: lists of names from many countries, what stands around them, and shape.

::

    "could you change it to Dr. Marta Kovač please"    "change it to", title, given and family name   →  Marta Kovač
    "the branch in Marta Kovač Street"                 a street                                       →  nothing

No model: a few microseconds a word, as every event and log line passes here. The lists are Faker's (MIT; given and
family names of some 70 locales). A name that is also an English word counts only with more than its capital.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import faker.providers.person as person_lists

from escalation import name_cues as cues

ENOUGH = 2.0
"""Points from which a run of words is a name."""
MAX_WORDS = 5
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\.?")
_SPECIAL = str.maketrans({"ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "ł": "l", "ð": "d", "þ": "th", "’": "'", "ı": "i"})
_TITLES = frozenset("mr mrs ms miss dr prof professor sir madam mister doctor herr frau señor señora".split())
_PARTICLES = frozenset("van von de der den del della di da dos das du la le ten ter bin ibn al el zu af".split())


@dataclass(frozen=True)
class _Token:
    start: int
    end: int
    text: str
    folded: str

    @property
    def capital(self) -> bool:
        return self.text[0].isupper()

    @property
    def initial(self) -> bool:
        """ "V." or "V"; the bare words "I" and "A" are none."""
        if len(self.text.rstrip(".")) != 1:
            return False
        return self.text.endswith(".") or (self.text[0].isupper() and self.folded not in ("i", "a"))

    @cached_property
    def given(self) -> bool:
        """A given name of the lists, or one of two with a hyphen between them."""
        first = self.folded.split("-")[0]
        double = first != self.folded and first in given_names() and first not in _words()
        return double or self.folded in given_names()

    @cached_property
    def family(self) -> bool:
        """A family name of the lists, the last of two, one with a prefix ("O'Dvořák"), or of the shape of one."""
        if self.folded in family_names():
            return True
        last = _PREFIX.sub("", self.folded.rsplit("-", 1)[-1])
        shaped = self.capital and len(last) > 5 and cues.FAMILY_SHAPE.fullmatch(last) is not None
        return shaped or (last != self.folded and last in family_names())


_PREFIX = re.compile(r"^(?:o'|d'|l'|mc|mac|al-|fitz)(?=\w{3})")


def fold(word: str) -> str:
    """Lower case without accents: "Szőlősi" → "szolosi"."""
    plain = unicodedata.normalize("NFKD", word.lower().translate(_SPECIAL))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


@cache
def given_names() -> frozenset[str]:
    """Folded given names of all locales."""
    return _listed("first_name")


@cache
def family_names() -> frozenset[str]:
    """Folded family names of all locales."""
    return _listed("last_name")


@cache
def _words() -> frozenset[str]:
    """Names that are also English words ("will", "hope", "price")."""
    return frozenset((Path(__file__).parent / "name_words.txt").read_text("utf-8").split())


@cache
def _listed(part: str) -> frozenset[str]:
    names: set[str] = set()
    for module in pkgutil.iter_modules(person_lists.__path__):
        provider = importlib.import_module(f"{person_lists.__name__}.{module.name}").Provider
        for attribute in dir(provider):
            if part in attribute and "format" not in attribute:
                values = getattr(provider, attribute)
                if isinstance(values, tuple | list | dict):
                    names.update(fold(value) for value in values if isinstance(value, str) and len(value) > 1)
    return frozenset(names)


def find_names(text: str) -> list[tuple[int, int]]:
    """Spans of people's names in ``text``, in order, without titles. A name once found is known wherever it is said."""
    firms = [match.span() for match in cues.FIRM_LIST.finditer(text) if _is_firm(match)] if "," in text else []
    runs = [run for run in _runs(text) if not any(low < run[-1].end and run[0].start < high for low, high in firms)]
    names = [_best(text, run) for run in runs]
    names = [name or _beside(text, runs, names, at) for at, name in enumerate(names)]
    if "," in text:
        names = _listed_together(text, runs, names)
    known = {
        token.text for name in names if name for token in name if len(token.text) > 2 and token.folded not in _PARTICLES
    }
    known = {word for word in known if word[0].isupper() and fold(word) not in _words()}
    spans = []
    for run, name in zip(runs, names, strict=True):
        if name is None and any(token.text in known for token in run) and _place(text, run) > -2:
            said = [at for at, token in enumerate(run) if token.text in known]
            name = run[said[0] : said[-1] + 1]
        if name is not None:
            led = cues.PARTICLES_BEFORE.search(text[max(0, name[0].start - 16) : name[0].start])
            spans.append((name[0].start - (len(led[0]) if led and name[0].capital else 0), name[-1].end))
    return spans


def _listed_together(
    text: str, runs: list[list[_Token]], names: list[list[_Token] | None]
) -> list[list[_Token] | None]:
    """ "Gustavo, Loup and Mukula": where one of three is a name, all are."""
    for match in cues.FIRM_LIST.finditer(text):
        inside = [at for at, run in enumerate(runs) if match.start() <= run[0].start and run[-1].end <= match.end()]
        if len(inside) == 3 and any(names[at] for at in inside) and all(runs[at][0].capital for at in inside):
            names = [name or (runs[at] if at in inside else None) for at, name in enumerate(names)]
    return names


def _is_firm(match: re.Match[str]) -> bool:
    """Three family names, of which at most one is a given name as well: "Gray, Williams and Sutton"."""
    words = [fold(word) for word in match.groups()]
    family = sum(word in family_names() or cues.FAMILY_SHAPE.fullmatch(word) is not None for word in words)
    if cues.MANY_AFTER.match(match.string[match.end() :]):
        return False
    only_given = sum(word in given_names() and word not in family_names() for word in words)
    return all(word[0].isupper() for word in match.groups()) and family >= 2 and only_given == 0


def _beside(text: str, runs: list[list[_Token]], names: list[list[_Token] | None], at: int) -> list[_Token] | None:
    """A run joined to a name by "and" or "or" that is as long and no word: "Anna and Xandl"."""
    run = runs[at]
    for other in (at - 1, at + 1):
        if not 0 <= other < len(runs) or names[other] is None or len(names[other] or []) != len(run):
            continue
        first, second = (runs[other], run) if other < at else (run, runs[other])
        if _JOINED.fullmatch(text[first[-1].end : second[0].start]) and _place(text, run) > -1:
            capital = all(token.capital for token in run)
            if capital and not all(_is_word(token) and not token.given for token in run):
                return run
    return None


_JOINED = re.compile(r",? (?:and|or|&|und) ")


def _runs(text: str) -> Iterator[list[_Token]]:
    """Runs of words that could be one name: capitalised, or known given names, on one line with blanks between."""
    run: list[_Token] = []
    words = list(_WORD.finditer(text))
    for index, found in enumerate(words):
        word = found[0]
        bare = word[:-2] if word.lower().endswith(("'s", "’s")) else word
        bare = bare if len(bare.rstrip(".")) == 1 else bare.rstrip(".")
        token = _Token(found.start(), found.start() + len(bare), bare, fold(bare.rstrip(".")))
        if len(token.folded) == 1 and text[found.start() - 1 : found.start()] == ".":
            continue  # of "U.S."
        glued = bool(run) and text[run[-1].end : token.start] in (" ", "  ")
        if run and not glued:
            yield from _trimmed(run)
            run = []
        after = words[index + 1][0].rstrip(".") if index + 1 < len(words) else ""
        if _could_be(token, run, after) or (not run and _led(text, token)):
            run.append(token)
        elif run:
            yield from _trimmed(run)
            run = []
    yield from _trimmed(run)


def _could_be(token: _Token, run: list[_Token], after: str) -> bool:
    if token.text.endswith(".") and token.initial:
        return True
    if not run and token.text.endswith(".") and len(token.folded) == 1:
        return fold(after) in family_names()  # "m. olsson"
    if token.folded in cues.NEVER and not (run and len(token.folded) == 1):
        return False
    if token.folded in _TITLES:
        return False
    if run and token.folded in _PARTICLES:
        return True
    if token.capital and token.folded not in cues.NEVER:
        return True
    if run and len(token.folded) == 1 and (run[0].given or not run[0].text.isascii()):
        dotted, listed = token.text.endswith("."), fold(after) in family_names() or not after.isascii()
        return token.text.islower() and len(after) > 1 and (dotted or listed)
    if _is_word(token):
        return False
    if run and len(run[-1].folded) == 1 and run[-1].text.endswith("."):
        return len(token.text) > 2
    if token.given:
        return True
    shaped = bool(run) and len(token.folded) > 5 and cues.FAMILY_SHAPE.fullmatch(token.folded) is not None
    return bool(run) and (shaped or token.family or not token.text.isascii())


def _led(text: str, token: _Token) -> bool:
    """A lower-case word that begins a name, for a form or a caller has just said so: "her maiden name is nyberg"."""
    if _is_word(token) or token.folded in cues.NEVER or len(token.text) < 3 or token.folded in _TITLES:
        return False
    before = text[max(0, token.start - 40) : token.start]
    if not token.family and token.text.isascii():
        return cues.LABEL_BEFORE.search(before) is not None
    return cues.STRONG_BEFORE.search(before) is not None or cues.LED_BEFORE.search(before) is not None


def _trimmed(run: list[_Token]) -> Iterator[list[_Token]]:
    while run and (run[-1].text in _PARTICLES or len(run[-1].text) < 2 or run[-1].text.endswith(".")):
        run = run[:-1]
    if run and len(run) <= MAX_WORDS:
        yield run


def _best(text: str, run: list[_Token]) -> list[_Token] | None:
    """The run, or what is left of it without English words in front ("Tell Marta"), if that is a name."""
    while run and _is_word(run[0]) and len(run) > 1 and run[0].folded not in given_names():
        run = run[1:]
    return run if run and _points(text, run) >= ENOUGH else None


def _points(text: str, run: list[_Token]) -> float:
    before, after = text[max(0, run[0].start - 40) : run[0].start], text[run[-1].end : run[-1].end + 24]
    titled = cues.TITLE_BEFORE.search(before) is not None
    strong = titled or cues.STRONG_BEFORE.search(before) is not None
    given = sum(token.given and not _is_word(token) for token in run)
    family = sum(token.family and not _is_word(token) for token in run)
    points = 2.0 * min(given, 1) + min(family, 1) + 0.5 * (len(run) in (2, 3)) + 0.5 * any(t.initial for t in run)
    points += _shape(text, run)
    points += (
        4.0
        if titled
        else 2.5
        if strong
        else 2.0
        if cues.PERSON_BEFORE.search(before)
        else 0.5
        if cues.BEFORE.search(before)
        else 0.0
    )
    points += 2.0 if cues.PERSON_AFTER.search(after) else 0.5 if cues.AFTER.search(after) else 0.0
    if len(run) in (2, 3) and _is_head(text, run):
        points += 1.5
    if cues.SELF_BEFORE.search(before) and cues.SELF_AFTER.search(after) and not cues.NATIONAL.fullmatch(run[0].folded):
        points += 1.5
    if all(_is_word(token) for token in run):
        points -= 0.5 if strong and run[0].capital else 0.0 if _both_words(run) else 3.0
    if all(token.text.isupper() for token in run) and len(run[0].text) > 1:
        points -= 1.0
    place = _place(text, run)
    if cues.SENT_BEFORE.search(before):
        points += 0.5
    if len(run) == 1:
        points += _alone(run[0], before, after, place, cued=strong or points >= ENOUGH + 1.5)
    return points + place * (0.5 if strong else 1.0)


def _alone(token: _Token, before: str, after: str, place: float, *, cued: bool) -> float:
    """Points for a word by itself: a family name in the midst of a sentence, or of "the Jensen file"; firms are
    "Lee-Watkins"."""
    points = 0.0
    if token.capital and cues.CALLED_BEFORE.search(before) and after[:1] in (".", "!", "?", ","):
        points += 1.5
    if not token.given and (after.startswith(" & ") or before.endswith(" & ")):
        points -= 2.0
    parts = token.folded.split("-")
    if len(parts) == 2 and all(part in family_names() for part in parts) and not cued:
        points -= 2.0
    if not token.capital or not token.family or _is_word(token) or len(token.text) < 4:
        return points
    if before.lower().endswith("the ") and cues.ATTRIBUTED.match(after):
        return points + 2.5
    return points + (0.5 if before.strip() and place >= 0 else 0.0)


def _shape(text: str, run: list[_Token]) -> float:
    """Points for how a run is made: initials, a family name at its end, letters that English has not."""
    if not all(token.capital or token.folded in _PARTICLES for token in run):
        return 0.0
    points = 0.0
    if len(run) > 1 and any(token.initial for token in run[:-1]):
        points += 1.0
    if len(run) in (2, 3) and run[-1].family and not any(_is_word(token) for token in run):
        points += 0.5
    if not run[0].text.isascii():
        points += 0.5
    return points


def _both_words(run: list[_Token]) -> bool:
    """ "Grace White": two English words, of which one is a given name and the other a family name."""
    return len(run) == 2 and run[0].folded in _GIVEN_WORDS and run[1].family and all(t.text.istitle() for t in run)


_GIVEN_WORDS = frozenset(
    "grace robin mark rose frank grant dean holly ivy jack joy olive penny ray rob rich ruby".split()
)
_GIVEN_WORDS |= frozenset(
    "angel april august june dawn drew earnest guy harry hope hunter jewel mason miles pat".split()
)
_GIVEN_WORDS |= frozenset(
    "pearl piper sandy sky summer tanner taylor tyler victor will cliff clay christian faith".split()
)


def _place(text: str, run: list[_Token]) -> float:
    """Points against a name: it is part of an address, a place or a firm."""
    before, after = text[max(0, run[0].start - 40) : run[0].start], text[run[-1].end : run[-1].end + 24]
    points = 0.0
    housed = len(run) > 1 and (run[0].given or run[-1].family) and cues.HOUSE_AFTER.match(after)
    if (cues.PLACE_AFTER.search(after) and not housed) or (len(run) > 1 and cues.PLACE_AFTER.fullmatch(run[-1].text)):
        points -= 3.0
    if cues.FIRM_AFTER.search(after) or (len(run) > 1 and cues.FIRM_WORD.fullmatch(run[-1].text)):
        points -= 3.0
    if cues.PLACE_WORD_BEFORE.search(before):
        points -= 3.0
    elif cues.YEAR_BEFORE.search(before):
        pass
    elif cues.NUMBER_BEFORE.search(before):
        points -= 3.0
    elif cues.SENT_BEFORE.search(before):
        pass
    elif cues.GOING_BEFORE.search(before):
        points -= 1.5
    elif cues.OF_BEFORE.search(before) and len(run) > 1 and (run[0].given or run[-1].family):
        pass
    elif cues.PLACE_BEFORE.search(before):
        points -= 1.5
    return points


def _is_head(text: str, run: list[_Token]) -> bool:
    """Whether the run is the first line of several by itself, as in a form or a signature."""
    line_end = text.find("\n")
    return line_end > 0 and not text[: run[0].start].strip(" >?*-") and not text[run[-1].end : line_end].strip()


def _is_word(token: _Token) -> bool:
    return token.folded in _words()
