"""Turns that need no document and no model: greetings, thanks, goodbyes, repeats, "are you a robot?".

Pure, over words as Whisper writes them. A turn that holds more than its small talk ("thanks, and when do you open?")
is no small talk: `classify` answers None and the cascade gets it whole.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Intent(StrEnum):
    """What a turn without a question wants."""

    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    NO_MORE = "no_more"
    YES = "yes"
    REPEAT = "repeat"
    SLOWER = "slower"
    """From now on, and what was said last again."""
    ROBOT = "robot"
    HOW_ARE_YOU = "how_are_you"
    STILL_THERE = "still_there"
    WAIT = "wait"
    INTRODUCTION = "introduction"


LINES = {
    Intent.GREETING: "greeting",
    Intent.INTRODUCTION: "greeting",
    Intent.THANKS: "thanks",
    Intent.NO_MORE: "goodbye",
    Intent.GOODBYE: "goodbye",
    Intent.YES: "acknowledged",
    Intent.ROBOT: "robot",
    Intent.HOW_ARE_YOU: "how_are_you",
    Intent.STILL_THERE: "still_here",
}
"""The prepared line that answers it."""
ENDING = (Intent.GOODBYE, Intent.NO_MORE)
LASTING = (Intent.REPEAT, Intent.SLOWER, Intent.WAIT, Intent.STILL_THERE)
"""After these what was offered last still stands."""
PARTING = (Intent.GOODBYE, Intent.NO_MORE, Intent.THANKS, Intent.YES)


def _any(text: str) -> str:
    """A pattern that matches one of the phrases, given one a line; ``_`` stands for a space."""
    return "(?:" + "|".join(" ".join(line.split()) for line in text.strip().splitlines()) + ")"


_PAD = _any("""um|uh|oh|ah|well|so|okay|ok|all right|alright|right|great|perfect|awesome|good|cool|fine
    yeah|yes|no|nope|hi|hello|hey|and|but|thats|that is|just|please|now|then|sorry|excuse me""")
_THANKS = _any("""thank you(?: (?:so|very) much)?
    thanks(?: a lot| so much)?
    much appreciated
    i appreciate (?:it|that|your help)
    that(?:s| was| is| has been)? (?:very |really )?(?:helpful|great|perfect|good|kind of you)
    youve been (?:very |really )?helpful
    thank you for (?:your|the|all your|all the) help
    for your help""")
_BYE = _any("""bye(?: bye| now)?
    good ?bye
    (?:you )?have a (?:great|good|nice|lovely|wonderful) (?:day|one|night|evening|afternoon|weekend|rest of your day)
    take care|see you|talk to you later
    you too|me too|you as well|same to you""")
_NO_MORE = _any("""no|nope|nah|not today|not right now|nothing(?: else)?|no more
    im good|i am good|im all set
    (?:no )?(?:i think )?(?:thats|that is) (?:it|all|everything)
    (?:thatll|that will) be (?:it|all)
    that was (?:(?:going to|gonna) be )?(?:it|all)
    thats (?:going to|gonna) be (?:it|all)
    thats (?:actually )?all (?:i|we) (?:need|needed|have|had)
    for (?:today|now)""")
_MOMENT = r"a (?:moment|second|minute|sec)"
_BOT = r"(?:robot|bot|chat ?bot|voice ?bot|machine|computer(?: program)?|ai|artificial intelligence|recording)"
_SELF = rf"(?:{_BOT}|human(?: being)?|person|automated\b.*|real)"
_MISSED = "i (?:didnt|did not|couldnt|cant) (?:catch|hear|get|understand|follow) (?:that|you|it)"
_SLOWLY = (
    r"(?:(?:(?:a (?:little|bit)|much|more) )?slower|(?:speak|talk|say that|say it|repeat that|repeat it|go)"
    r"(?: again)? (?:a (?:little|bit) )?(?:more |very )?slow(?:ly)?|more slowly|slow(?: it)? down(?: a (?:little|bit))?"
    r"|(?:too|so|very|pretty) fast(?: for me)?)"
)
"""Of how we speak: a transfer that is slow is the documents' matter."""
_PATTERNS: tuple[tuple[Intent, str], ...] = (
    (
        Intent.ROBOT,
        rf".*\b(?:are you|is this|is that|am i (?:talking|speaking) (?:to|with)) (?:just |really |actually )*"
        rf"(?:a |an )?(?:real |actual |living )?{_SELF}\b.*"
        rf"|(?:so |wait |oh )*(?:you are|youre|this is) (?:just )?(?:a |an ){_BOT}\b.*",
    ),
    (
        Intent.SLOWER,
        rf"(?:{_PAD} |im sorry |pardon |{_MISSED} )*"
        r"(?:(?:can|could|would) you )?(?:please )?(?:you (?:speak|talk) |(?:thats|that is|that was) "
        r"|(?:youre|you are) (?:speaking |talking |going |reading )?)?"
        rf"{_SLOWLY}(?: (?:please|for me|again|sorry|then))*",
    ),
    (
        Intent.REPEAT,
        rf"(?:{_PAD} |sorry |im sorry |pardon |excuse me )*(?:(?:can|could|would) you (?:please )?)?"
        + _any("""repeat (?:that|it|yourself|the last part)
            say (?:that|it) (?:again|once more|one more time)
            come again|pardon(?: me)?|what did you say|what was that
            i (?:didnt|did not|couldnt) (?:catch|hear|get) (?:that|you|it)
            one more time|again please""")
        + r"(?: (?:please|again|for me|sorry))*",
    ),
    (
        Intent.HOW_ARE_YOU,
        rf"(?:{_PAD} )*(?:how are you|hows it going|how do you do|how is your day)(?: (?:today|doing|going))*",
    ),
    (
        Intent.STILL_THERE,
        _any("""hello hello.*|are you (?:still )?there|(?:hello )?(?:can|do) you hear me
            anybody there|is anyone there|hello are you there"""),
    ),
    (
        Intent.WAIT,
        rf"(?:{_PAD} )*(?:hold on|hang on|one (?:moment|second|sec|minute)|wait(?: {_MOMENT})?|just {_MOMENT}"
        rf"|give me {_MOMENT}|let me (?:think|see|check))(?: please)?(?: (?:hold on|one moment))*",
    ),
)
_COMPILED = tuple((intent, re.compile(pattern)) for intent, pattern in _PATTERNS)
_SMALL = re.compile(
    rf"(?:(?:{_THANKS}|{_BYE}|{_NO_MORE}|{_PAD}|i think|i guess|everything|so much|very much|today|for you)(?: |$))+"
)
_GREETING = re.compile(r"(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|there|yes|um|uh|greetings)(?: |$))+")
_YES = re.compile(rf"(?:(?:yes|yeah|yep|yup|sure|correct|exactly|right|please|of course|uh huh|mhm|{_PAD})(?: |$))+")


def plain(text: str) -> str:
    """Lower case, no punctuation: what the patterns look at."""
    return re.sub(r"\s+", " ", re.sub(r"[^a-z0-9 ]", " ", re.sub(r"['’]", "", text.lower()))).strip()


def classify(text: str) -> Intent | None:
    """The intent of a turn that is nothing but small talk, else None. ``text`` as recognised."""
    said = plain(text)
    if not said:
        return None
    for intent, pattern in _COMPILED:
        if pattern.fullmatch(said):
            return intent
    if _GREETING.fullmatch(said):
        return Intent.GREETING
    if _INTRODUCTION.fullmatch(said):
        return Intent.INTRODUCTION
    if _YES.fullmatch(said) and not re.search(rf"\b{_BYE}\b|\b{_THANKS}\b|\bno\b|\bnope\b", said):
        return Intent.YES
    if not _SMALL.fullmatch(said):
        return None
    if re.search(rf"\b{_BYE}\b", said):
        return Intent.GOODBYE
    if re.search(rf"\b(?:{_NO_MORE})\b", said):
        return Intent.NO_MORE
    return Intent.THANKS if re.search(rf"\b{_THANKS}\b", said) else Intent.YES


_INTRODUCTION = re.compile(
    rf"(?:{_PAD} |good (?:morning|afternoon|evening) |there )*(?:[a-z]+ )?"
    r"(?:my name is|this is)(?: also)?(?: [a-z]+){1,3}"
)
_INTRO = re.compile(
    r"^(?i:(?:(?:hi|hello|hey|yes|um|uh|oh|okay|good morning|good afternoon|good evening|excuse me|sorry)\b[,.! ]*)*)"
    r"(?:[A-Z][a-z]+[,.] )?"
    r"(?:(?i:my name is|this is|i am|i'm)(?: also)?(?: [A-Z][a-z]+)(?:[ ,]+[A-Z][a-z]+){0,2}[,.]*\s*(?:and\s+)?)?"
)


def without_introduction(text: str) -> str:
    """ "Hi, my name is Linda Brown. I lost my card." → "I lost my card." The whole text if nothing else is in it."""
    found = _INTRO.match(text)
    rest = text[found.end() :] if found else text
    return rest.strip() if len(rest.split()) >= 2 else text


_NAMED = re.compile(
    r"\b(?i:(?:i'm )?my name(?:'s| is)(?: also)?)(?: [A-Z][a-z]+){1,3}[.,]?(?: (?:and|today|and today))?\s*"
)
_CLAUSES = re.compile(
    r"[.!?,;]+\s+|\s+(?=\d)|\s+(?:and|because|so)\s+(?=(?i:i|i'm|i'd|can|could|how|what|when|where)\b)"
)
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9$])")


def core_question(text: str) -> str:
    """The sentences of a turn that want something: introduction and small talk around them are taken off.

    "Hi, my name is Ann. I lost my card. Great, thank you. Bye." → "I lost my card." The whole text if nothing is left.
    """
    kept = [part for part in split_turn(without_introduction(text)) if classify(part) is None]
    return _NAMED.sub("", " ".join(kept)).strip() or text


def split_turn(text: str) -> list[str]:
    """The sentences of a turn, as the recogniser punctuated it."""
    return [part for part in _SENTENCES.split(text) if part]


def split_clauses(text: str) -> list[str]:
    """Smaller pieces: also cut at commas and before numbers ("I need a checkbook 910 First Street, Forest Ranch")."""
    return [part.strip() for part in _CLAUSES.split(text) if part.strip()]
