"""Cutting an answer into speakable clauses while it is still being written.

The first clause is short by construction, so that its synthesis is over soon; later ones are whole sentences. A cut
is made only where white space follows, so "$3.50", "9:30" and "e.g.," stay whole; an abbreviation's full stop, and the
comma of "March 5, 2025", end nothing.
"""

from __future__ import annotations

import re

from voice.settings import ClauseSettings

_ABBREVIATION_TEXT = """mr mrs ms dr st jr sr prof inc ltd co corp no vs etc approx dept ext est fig gov
e.g i.e a.m p.m u.s u.k u.s.a ph.d jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun ave"""
_ABBREVIATIONS = frozenset(_ABBREVIATION_TEXT.split())
_MAY_END = frozenset({"a.m", "p.m", "etc", "u.s", "u.k", "u.s.a", "inc", "ltd", "co", "corp"})
"""Abbreviations after which a sentence may end, if a capital follows that is no day, month or zone."""
_CALENDAR_TEXT = """monday tuesday wednesday thursday friday saturday sunday january february march april may june july
august september october november december eastern central mountain pacific est pst cst et pt"""
_CALENDAR = frozenset(_CALENDAR_TEXT.split())
_BREAK = re.compile(r"(?P<end>[.!?…]+[\"')\]]*|\n)(?=\s|$)|(?P<soft>[,;:]|\s[–—-]+)(?=\s)")
_CONJUNCTION = re.compile(r"\s(?=(?:and|but|or|so|because|which|that|if|when|while|where)\s)", re.IGNORECASE)
_WORD_END = re.compile(r"\s+")


class ClauseSplitter:
    """Feed text as it comes, take clauses as they are certain; joined by spaces they are the text, nothing lost."""

    def __init__(self, settings: ClauseSettings) -> None:
        self._settings = settings
        self._text = ""
        self._first = True

    def feed(self, text: str) -> list[str]:
        """Add text; the clauses that are now certain, in order, stripped."""
        self._text += text
        clauses: list[str] = []
        while (cut := self._cut(final=False)) is not None:
            self._take(cut, clauses)
        return clauses

    def end(self) -> list[str]:
        """No more text comes: the rest, in clauses. The splitter can then be used for another answer."""
        clauses: list[str] = []
        while (cut := self._cut(final=True)) is not None:
            self._take(cut, clauses)
        self._take(len(self._text), clauses)
        self._first = True
        return clauses

    def _take(self, cut: int, clauses: list[str]) -> None:
        clause = " ".join(self._text[:cut].split())
        self._text = self._text[cut:].lstrip()
        if any(char.isalnum() for char in clause):
            clauses.append(clause)
            self._first = False
        elif clause and clauses:
            clauses[-1] += " " + clause

    def _cut(self, *, final: bool) -> int | None:
        """Where the next clause ends, or None if that cannot be said yet."""
        text = self._text
        shortest = self._settings.first_min if self._first else self._settings.min
        longest = self._settings.first_max if self._first else self._settings.max
        slack = 20 if self._first else 0
        last_soft = 0
        for match in _BREAK.finditer(text):
            if match.end() >= len(text.rstrip()) and not final and match["end"] != "\n":
                break
            ends = match["end"] is not None
            if ends and not self._ends_sentence(match):
                continue
            if match.end() > longest and last_soft:
                return last_soft
            if match.end() > longest + slack:
                break
            if ends and (match["end"] == "\n" or match.end() >= min(shortest, 8)):
                return match.end()
            if not ends and match.end() >= shortest and not self._inside_number(match):
                if self._first:
                    return match.end()
                last_soft = match.end() if match.end() <= longest else last_soft
            if match.end() > longest:
                break
        if len(text.rstrip()) <= longest + slack:
            return None
        return last_soft or self._at_word(longest)

    def _at_word(self, longest: int) -> int | None:
        """No punctuation in reach: before a conjunction in the second half, else after the last word that fits."""
        text = self._text[: longest + 1]
        spots = [
            match.start() for match in _CONJUNCTION.finditer(self._text[: longest + 8]) if match.start() <= longest
        ]
        if spots and spots[-1] >= longest // 2:
            return spots[-1]
        ends = [
            match.start() for match in _WORD_END.finditer(text) if match.start() and not self._numeric(match.start())
        ]
        return ends[-1] if ends else None

    def _numeric(self, at: int) -> bool:
        """Do figures stand on this space's either side ("555 1234", "$5 million", "9 a.m.", "March 5")?"""
        before, after = self._text[:at].split()[-1:], self._text[at:].split()[:1]
        return any(any(char.isdigit() for char in word) for word in before + after)

    def _inside_number(self, match: re.Match[str]) -> bool:
        """The comma of "March 5, 2025" or a range's dash between figures."""
        before = self._text[: match.start()].rstrip()[-1:]
        after = self._text[match.end() :].lstrip()[:1]
        return (before.isdigit() and after.isdigit()) or not after

    def _ends_sentence(self, match: re.Match[str]) -> bool:
        if match["end"] == "\n" or match["end"][0] != ".":
            return True
        words = self._text[: match.start()].split()
        word = words[-1].lower().lstrip("(\"'") if words else ""
        following = self._text[match.end() :].split()[:1]
        after = following[0] if following else ""
        if word in _MAY_END:
            return not after or (after[:1].isupper() and after.lower().strip(".,!?") not in _CALENDAR)
        if word in _ABBREVIATIONS:
            # "No." at the end of what is there is a whole answer; "No. 5" is a number's name
            return not after or (word == "no" and not after[:1].isdigit()) or (word == "may")
        single_letter = len(word) == 1 and word.isalpha() and word != "i"
        list_number = word.isdigit() and len(words) == 1
        return not (single_letter and after) and not (list_number and after)


def split(text: str, settings: ClauseSettings) -> list[str]:
    """The clauses of a whole text."""
    splitter = ClauseSplitter(settings)
    return splitter.feed(text) + splitter.end()
