"""What the words so far say about whether more will come: grammar first, then what callers use such words for.

::

    "I want to check my"                  INCOMPLETE   the sentence cannot end here (voice/grammar.py)
    "Hi, my name is Ann." "Yes."          LEADING      it can, but callers who say this go on: the wish is still to come
    "savings account"                     UNKNOWN      nothing tells
    "Can you check my balance?" "Bye."    COMPLETE     a question, a wish or a farewell: the caller's part is done

Words alone, no model: it runs on every pass, in well under a millisecond.
"""

from __future__ import annotations

import re
from enum import StrEnum

from voice.grammar import trails_off


class Expectation(StrEnum):
    """What kind of answer the operator's last question wants."""

    OPEN = "open"
    YES_NO = "yes_no"
    DIGITS = "digits"
    NAME = "name"


class Completeness(StrEnum):
    """What the words so far say about whether more will come."""

    COMPLETE = "complete"
    UNKNOWN = "unknown"
    LEADING = "leading"
    INCOMPLETE = "incomplete"


def _phrases(text: str) -> frozenset[str]:
    return frozenset(" ".join(item.split()) for item in text.split("|"))


_LEAD_INS = _phrases("""sorry|sorry wait|wait sorry|oh sorry|excuse me|okay so|actually|wait|wait a minute|hold on|
    let me see|one moment|just a moment|one second|let me think|let me check""")
"""What people say before they say what they want."""
_MOMENT = re.compile(r"\b(?:one|just a|give me a|wait a|hang on a) (?:moment|second|minute|sec)(?: please)?$")
_HUMS = frozenset({"mm", "hmm", "hm", "mhm", "huh", "mmhmm", "uhhuh"}) | {"uh-huh", "mm-hmm"}
_ASSENT = _phrases("yes|yeah|yep|yes yes|oh yes|yes i do|yes there is|yes i have|yes actually|uh yes|um yes")
"""To an open question ("anything else?") an announcement; an answer only to a question for yes or no."""
_REFUSAL = frozenset({"no", "nope", "not really"})
_YES_NO = _ASSENT | _REFUSAL | _phrases("sure|correct|okay|ok|right|yup|exactly|of course|i do|i don't|it is|it isn't")
_OPENING = re.compile(
    r"(?:(?:hi|hello|hey|yes|yeah|um|uh|oh|ah|okay|well|good morning|good afternoon|good evening|there)\b ?)*"
    r"(?:(?!my\b|this\b|i\b|i'm\b)[a-z']+ ){0,2}"
    r"(?:(?:my name is|my name's|this is|i'm|i am|the name is)(?: also)? [a-z']+(?: [a-z']+){0,2})?"
)
"""A greeting and a name: the wish is still to come. "this is urgent" waits a little longer for nothing."""
_NAMING = re.compile(
    r"\b(?:my name(?: i|')s|this is|the name is|(?:i'm|i am)(?! (?:good|done|fine|set|sure|okay|not)\b))"
)
_BUSINESS = re.compile(
    r"(?:hello|hi|good (?:morning|afternoon|evening)) .{0,12}(?:this is|you've reached)(?: [a-z']+){1,5}"
)
_GREETING = re.compile(r"(?:(?:hi|hello|hey|there|um|uh|oh|yes|good (?:morning|afternoon|evening))\b ?)+")
_WISH = re.compile(
    r"\b(?:(?:i|we)(?:'d| would)? (?:also |just )*(?:like|want|wanted|need|needed|wish|wanna)\b(?! to (?:ask|know)$)"
    r"|(?:would|'d) love\b"
    r"|i'm (?:calling|trying|looking|hoping) (?:to|for|because|about|if)\b"
    r"|(?:i was|i'm|just) wondering\b|please\b|(?:help|assist) me\b|(?:tell|give|send|show|get) me\b|let me know\b"
    r"|(?:can|could|would|will|may|might|should) (?:you|i|we|it|someone|somebody)\b)"
)
_FAREWELL = re.compile(
    r"(?:\b(?:thanks|thank you|bye|goodbye|take care|have a (?:good|great|nice) \w+|see you|cheers)\b.{0,24}"
    r"|\b(?:that's|that is|that'll be|that will be|that would be|that was) (?:going to be |gonna be )?"
    r"(?:all|it|everything|fine|great|perfect|correct|right)\b.{0,24})$"
)
_QUESTION = re.compile(
    r"^(?:(?:so|and|but|okay|ok|well|um|uh|hi|hello|oh|also|yes|then|now|sorry|excuse me)\b ?)*"
    r"(?:(?:what|when|where|who|why|how|which|whose|what's|where's|who's|how's)\b"
    r"|(?:can|could|do|does|did|is|are|was|were|will|would|should|have|has|may|am|don't|doesn't|isn't|aren't|can't)\s"
    r"(?:i|you|we|they|it|he|she|there|this|that|these|those|my|your|the|a|an|any|anyone|someone)\b)"
)
_WHOLE = _phrases("""exactly|of course|never mind|i don't know|i'm not sure|operator|agent|representative|a person|
    no problem|great|perfect|wonderful|sounds good|stop|cancel|repeat|again""")
_REPORT = re.compile(
    r"^(?:(?:so|and|okay|ok|well|um|uh|yes|yeah|hi|hello|oh)\b ?)*"
    r"(?:(?:i|we|i've|we've)(?: (?:have|had|just|also|recently|already|actually))* "
    r"(?:lost|forgot|forgotten|noticed|received|got|saw|seen|tried|made|sent|moved|misplaced|changed|deposited|bought"
    r"|have|had|can't|cannot|couldn't|don't|didn't|haven't)\b(?! (?:know|think so|care)\b)"
    r"|(?:my|the|there|there's|someone|somebody|it|it's)\b.*\b(?:stolen|lost|missing|locked|frozen|blocked|declined"
    r"|charged|broken|expired|hacked|isn't|doesn't|didn't|won't|hasn't|wrong|problem|issue|mistake|fraud)\b)"
)
"""A caller says what happened; what to do about it usually follows."""
_STREET = re.compile(r"\b\d+[a-z]? .*\b(?:street|avenue|road|drive|lane|boulevard|court|place|way|st|ave|rd)$")
_DIGIT_TEXT = "zero oh one two three four five six seven eight nine ten double triple dash hundred thousand"
_DIGIT_WORDS = frozenset(_DIGIT_TEXT.split())
_NUMBERED = frozenset({"number", "ending", "card", "account", "zip", "pin", "code", "phone"})
_READ_OUT = frozenset({1, 2, 3, 6})
"""Digits after which a number that is read out in groups goes on: 570 · 448 · 0374."""
_WORD = re.compile(r"[a-z0-9']+(?:[.,:][0-9]+)*")
_SENTENCE = re.compile(r"(?<=[.?!])\s+")


def words_of(text: str) -> list[str]:
    """Lower-case words without punctuation; numbers such as ``1,250.50`` stay whole."""
    return _WORD.findall(text.lower().replace("’", "'"))


def digit_count(text: str) -> int:
    """How many single digits a caller has read out so far ("four two double seven" is four)."""
    count = 0
    factor = 1
    for word in words_of(text):
        if word in ("double", "triple"):
            factor = 2 if word == "double" else 3
            continue
        if word in _DIGIT_WORDS and word not in ("dash", "hundred", "thousand", "ten"):
            count += factor
        else:
            count += sum(char.isdigit() for char in word)
        factor = 1
    return count


def completeness(text: str, expectation: Expectation = Expectation.OPEN, digits: int = 0) -> Completeness:
    """Judge the words so far. ``digits``: how many digits the operator asked for (0 if any number of them)."""
    words = words_of(text)
    if not words:
        return Completeness.UNKNOWN
    text = text.strip()
    joined = " ".join(words)
    if text.endswith(("...", "…", "-", "—", ",")) or joined in _LEAD_INS or _MOMENT.search(joined):
        return Completeness.INCOMPLETE
    if all(word in _HUMS for word in words):
        return Completeness.UNKNOWN
    if expectation is Expectation.DIGITS:
        return _digits_complete(text, words, digits)
    last = words_of(_SENTENCE.split(text)[-1]) or words
    if expectation is Expectation.YES_NO and (words[0] in _YES_NO or joined in _YES_NO) and not trails_off(last):
        return Completeness.COMPLETE
    if trails_off(last) or _open_number(words):
        return Completeness.INCOMPLETE
    if expectation is Expectation.NAME:
        return Completeness.UNKNOWN
    return _use(text, words, last)


def _use(text: str, words: list[str], last: list[str]) -> Completeness:
    """What whole sentences are for: a wish, a question, a farewell; or a beginning."""
    joined, final = " ".join(words), " ".join(last)
    if joined in _WHOLE or _FAREWELL.search(final):
        return Completeness.COMPLETE
    if joined in _ASSENT or _GREETING.fullmatch(joined + " ") or _named(joined):
        return Completeness.LEADING
    if joined in _REFUSAL:
        return Completeness.UNKNOWN
    wished = _WISH.search(joined) is not None
    if not wished and _named(final):
        return Completeness.LEADING
    if (text.endswith("?") and len(last) >= 3) or _QUESTION.match(final) or wished:
        return Completeness.COMPLETE
    if _REPORT.match(final) or _STREET.search(joined) or (_read_out(words) and "$" not in text):
        return Completeness.LEADING
    return Completeness.UNKNOWN


def _named(joined: str) -> bool:
    """ "Hi, my name is Ann", "hello, this is First Bank"; not "I'm done"."""
    named = _NAMING.search(joined)
    return named is not None and (_OPENING.fullmatch(joined) is not None or _BUSINESS.fullmatch(joined) is not None)


def _read_out(words: list[str]) -> bool:
    """Nothing but the first groups of a number."""
    bare = [word for word in words if word not in {"uh", "um", "yes", "it's", "and", "then", "so"}]
    digits = all(word.isdigit() or word in _DIGIT_WORDS for word in bare)
    return bool(bare) and digits and digit_count(" ".join(bare)) in _READ_OUT


def _digits_complete(text: str, words: list[str], digits: int) -> Completeness:
    said = digit_count(text)
    if digits and said:
        return Completeness.COMPLETE if said >= digits else Completeness.INCOMPLETE
    if words[-1] in ("double", "triple", "dash") or trails_off(words):
        return Completeness.INCOMPLETE
    return Completeness.UNKNOWN


def _open_number(words: list[str]) -> bool:
    """A read-out number that has only begun: "my account number is four", "ending in five two"."""
    tail = 0
    for word in reversed(words):
        if word not in _DIGIT_WORDS and not word.isdigit():
            break
        tail += len(word) if word.isdigit() else 1
    before = words[: len(words) - tail] if tail < len(words) else []
    if words[-1] == "one" and tail == 1 and before[-1:] and before[-1] not in {"is", "in", "number", "ending", "with"}:
        return False  # "a new one"
    named = any(word in _NUMBERED for word in before[-4:])
    return words[-1] in ("double", "triple", "dash") or (named and 0 < tail < 3)
