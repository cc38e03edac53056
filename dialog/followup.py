"""Does a turn lean on the question before it ("and on Saturday?", "how much is it?")? Pure; words only.

It errs towards yes: what leans is searched for both alone and with the question before it, and `Router.joins` decides
on the evidence. What does not lean is never mixed with what came before: "what's my balance?" after a lost card is a
new subject.
"""

from __future__ import annotations

import re

from dialog.words import content, words

_OPENS = re.compile(r"^\W*(?:and|or|but|what about|how about|what if)\b", re.IGNORECASE)
_POINTS = re.compile(
    r"\b(?:it|its|them|they|those|these|ones?)\b|\b(?:this|that|there)\W*$"
    r"|\b(?:does|do|is|for|of|about) (?:that|this)\b"
    r"|\b(?:is|are) there (?:a|an|any) \w+\W*$",
    re.IGNORECASE,
)
"""Words that point back; "a charge that I did not make" and "there is" do not."""
_VERB = re.compile(
    r"\b(?:i|i'm|i'd|we|you|your|is|are|was|do|does|did|can|could|will|would|should|have|has|had|need|want|what's"
    r"|where's|who's|tell|give|get|got|lost|forgot|pay|order|check|cancel|book|schedule|transfer|reset|open)\b",
    re.IGNORECASE,
)
MOST_CONTENT = 3
"""Turns with more words that mean something stand by themselves."""
FRAGMENT_WORDS = 4


def leans(text: str) -> bool:
    """May the turn be understood only with the one before?"""
    meant = content(text)
    if not meant:
        return True
    if len(meant) > MOST_CONTENT:
        return False
    fragment = len(words(text)) <= FRAGMENT_WORDS and _VERB.search(text) is None
    return fragment or _OPENS.search(text) is not None or _POINTS.search(text) is not None
