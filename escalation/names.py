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
from functools import cache
from pathlib import Path

import faker.providers.person as person_lists

ENOUGH = 2.0
"""Points from which a run of words is a name."""
MAX_WORDS = 5
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\.?")
_SPECIAL = str.maketrans({"ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "ł": "l", "ð": "d", "þ": "th", "’": "'", "ı": "i"})
_TITLES = frozenset("mr mrs ms miss dr prof professor sir madam mister doctor herr frau señor señora".split())
_PARTICLES = frozenset("van von de der den del della di da dos das du la le ten ter bin ibn al el zu af".split())
# What a caller, or a form, says before a name.
_BEFORE = re.compile(
    r"(?:\bname(?:'s| is|s are| was|:)?|\bnames?\s*:|\bnamed|\bcalled|\bunder(?: the name(?: of)?)?"
    r"|\bchange (?:it|that|this) to"
    r"|\b(?:this is|it's|i'm|i am|speaking (?:is|to|with)|speak (?:to|with)|talk(?:ing)? (?:to|with))"
    r"|\bdirected by|\bwritten by"
    r"|\b(?:hi|hello|hey|dear|thanks|regards|sincerely|user:|caller:|attn:?|beneficiary|payee|holder|spouse)|\bmeet"
    r"|\b(?:first|last|maiden|full|middle|partner's|wife's|husband's|mother's|father's|my|your|the"
    r"|account) name(?: is|:|\?)?"
    r"|\b(?:add|remove|contact|call|ask for|heard|know|with|to|by|about|follow up with|said)|\bname\?"
    r"|\bname on (?:the|my|your) \w+\?"
    r"|\b(?:player|actor|actress|singer|director|manager|husband|wife|son|daughter|brother|sister|mother"
    r"|father|friend|partner))"
    r"[\s:,\"“]*$",
    re.IGNORECASE,
)
_STRONG_BEFORE = re.compile(
    r"(?:\b(?:(?:my|your|the|her|his|maiden|first|last|full|middle|family|partner's|wife's|husband's"
    r"|mother's) )?name(?:'s| is|:|\?)"
    r"|\bname on (?:the|my|your) \w+\?|\bnames?\s*:|\bunder(?: the name(?: of)?)?|\bchange (?:it|that"
    r"|this) to|\bdirected by"
    r"|\bpartner's name|\b(?:mr|mrs|ms|miss|dr|prof)\.?)[\s:\"“]*(?:(?:user|caller|client|mr|mrs|ms|dr)[.:]?\s*)*$",
    re.IGNORECASE,
)
_TITLE_BEFORE = re.compile(r"\b(?:mr|mrs|ms|miss|dr|prof|professor|herr|frau)\.? $", re.IGNORECASE)
_PERSON_BEFORE = re.compile(
    r"(?:\b(?:says?|said|asked|replied|told|shouted(?: at)?|answered|wrote|married(?: to)?|assistant to"
    r"|featur(?:es|ing)|played by"
    r"|sung by|influenced by|gender of|mother of|father of|wife of|husband of|friend of|named after"
    r"|on behalf of|add|had given"
    r"|heard|player)|(?:^|[.!?]\s)(?:hi|hello|hey|dear))\s$",
    re.IGNORECASE,
)
# What only people do.
_PERSON_AFTER = re.compile(
    r"^(?:,? (?:said|says|shouted|asked|told|wrote|replied|answered|lives|lived|speaks?|thinks|spent"
    r"|had given|gave|will be (?:talking|speaking)"
    r"|was born|began|married|died|is a (?:very )?(?:\w+ )?(?:person|friend|man|woman)|has been under"
    r"|just has|as a beneficiary|spoke)\b"
    r"|, (?:can|could|may|would|will) (?:i|you|we)\b|:\s?[\"“])",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"^(?:'s\b|’s\b|\s*:|,? (?:said|says|lives|lived|speak|speaks|shouted|asked|told|wrote|was born"
    r"|is (?:a|an|the|my|very)|will be"
    r"|has|had|had given|given|spent|just|began|as (?:a|an|my) (?:beneficiary|\w+ holder)|of|in a couple"
    r"|speaking|here|calling|over)\b"
    r"|, (?:can|could|may|would|please|the|who|i|are|do)\b)",
    re.IGNORECASE,
)
_PLACE_BEFORE = re.compile(
    r"(?:\d[\w/-]*\.?|\b(?:in|from|at|near|on|via|of|street|st|box|apt|suite|unit|the))[\s,]*$", re.IGNORECASE
)
_NUMBER_BEFORE = re.compile(r"\d[\w/-]*\.?\s*,?\s*$")
_PLACE_AFTER = re.compile(
    r"^[ ,-]*(?:\d|(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|court|ct|place|pl|square|squares"
    r"|terrace|way|boulevard|blvd"
    r"|highway|parkway|circle|crescent|close|alley|plaza|park|bridge|hill|hills|heights|house|tower"
    r"|station|airport|island|islands"
    r"|ville|city|town|county|beach|lake|river|mount|mountain|port|forges|coves?|trail|bypass|flat|flats"
    r"|crossing|ridge|club|hotel|bar|restaurant|café"
    r"|school|college|university|hospital|church|museum|orchestra|band|team|union|inc|ltd|llc|plc|gmbh"
    r"|corp|corporation|company|co"
    r"|group|bank|partners|associates|holdings|sons|services|investments|springs|systems|solutions"
    r"|international|foundation|institute|agency|office"
    r"|card|account|fee|loan|pay|prime|app|online|utca|ut|gata|gatan|vej|gade|straße|strasse|weg|platz"
    r"|straat|ulica|katu|u)\b)",
    re.IGNORECASE,
)
_NEVER = frozenset(
    """i i'm i'd i'll i've monday tuesday wednesday thursday friday saturday sunday january february march april may
    june july august september october november december english spanish french german italian american
    british european christmas easter visa mastercard paypal google apple amazon iban pin atm usa uk us eu
    london paris rome berlin york england france germany spain italy europe america canada mexico china japan
    india australia russia brazil ireland scotland wales poland portugal washington california texas florida
    chicago boston angeles san santa saint street road avenue north south east west united states kingdom new
    bank internet company city country world ok okay yes no hello hi hey thanks please sorry mom dad mum
    mother father user bot agent caller client operator africa asia springs credit debit apo fpo dpo ap aa ae
    mobile desk fax phone email address website personal info title hall hq ceo ok""".split()
)


@dataclass(slots=True, frozen=True)
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
        return len(self.text.rstrip(".")) == 1 and self.text[0].isupper() and self.folded not in ("i", "a")


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
    runs = list(_runs(text))
    names = [_best(text, run) for run in runs]
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
            spans.append((name[0].start, name[-1].end))
    return spans


def _runs(text: str) -> Iterator[list[_Token]]:
    """Runs of words that could be one name: capitalised, or known given names, on one line with blanks between."""
    run: list[_Token] = []
    for found in _WORD.finditer(text):
        word = found[0]
        bare = word[:-2] if word.lower().endswith(("'s", "’s")) else word
        bare = bare if len(bare.rstrip(".")) == 1 else bare.rstrip(".")
        token = _Token(found.start(), found.start() + len(bare), bare, fold(bare.rstrip(".")))
        glued = bool(run) and text[run[-1].end : token.start] in (" ", "  ")
        if run and not glued:
            yield from _trimmed(run)
            run = []
        if _could_be(token, bool(run)):
            run.append(token)
        elif run:
            yield from _trimmed(run)
            run = []
    yield from _trimmed(run)


def _could_be(token: _Token, inside: bool) -> bool:
    if token.folded in _NEVER or token.folded in _TITLES:
        return False
    if inside and token.folded in _PARTICLES:
        return True
    if token.capital:
        return True
    if _is_word(token):
        return False
    return token.folded in given_names() or (inside and (token.folded in family_names() or not token.text.isascii()))


def _trimmed(run: list[_Token]) -> Iterator[list[_Token]]:
    while run and (run[-1].folded in _PARTICLES or len(run[-1].text) < 2):
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
    titled = _TITLE_BEFORE.search(before) is not None
    strong = titled or _STRONG_BEFORE.search(before) is not None
    given = sum(token.folded in given_names() and not _is_word(token) for token in run)
    family = sum(token.folded in family_names() and not _is_word(token) for token in run)
    points = 2.0 * min(given, 1) + min(family, 1) + 0.5 * (len(run) in (2, 3)) + 0.5 * any(t.initial for t in run)
    points += (
        4.0
        if titled
        else 2.5
        if strong
        else 2.0
        if _PERSON_BEFORE.search(before)
        else 0.5
        if _BEFORE.search(before)
        else 0.0
    )
    points += 2.0 if _PERSON_AFTER.search(after) else 0.5 if _AFTER.search(after) else 0.0
    if len(run) in (2, 3) and _is_head(text, run):
        points += 1.5
    if all(_is_word(token) for token in run):
        points -= 0.5 if strong and run[0].capital else 3.0
    if all(token.text.isupper() for token in run) and len(run[0].text) > 1:
        points -= 1.0
    return points + _place(text, run) * (0.5 if strong else 1.0)


def _place(text: str, run: list[_Token]) -> float:
    """Points against a name: it is part of an address, a place or a firm."""
    before, after = text[max(0, run[0].start - 40) : run[0].start], text[run[-1].end : run[-1].end + 24]
    points = 0.0
    if _PLACE_AFTER.search(after) or (len(run) > 1 and _PLACE_AFTER.fullmatch(run[-1].text)):
        points -= 3.0
    if _NUMBER_BEFORE.search(before):
        points -= 3.0
    elif _PLACE_BEFORE.search(before):
        points -= 1.5
    return points


def _is_head(text: str, run: list[_Token]) -> bool:
    """Whether the run is the first line of several by itself, as in a form or a signature."""
    line_end = text.find("\n")
    return line_end > 0 and not text[: run[0].start].strip(" >?*-") and not text[run[-1].end : line_end].strip()


def _is_word(token: _Token) -> bool:
    return token.folded in _words()
