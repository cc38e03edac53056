"""Do these words make a whole sentence? A rule of thumb that lengthens or shortens the wait for more.

Words alone, no model: it runs on every partial. It errs towards UNKNOWN; only clear cases move the thresholds.
"""

from __future__ import annotations

import re
from enum import StrEnum


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
    INCOMPLETE = "incomplete"


_TRAILING_TEXT = """a an the and or but so because if when while that which who whose where than as my your our 
their his
    to of for from with without into onto about at by between under over through during i'm i'd we're it's there's
    is are was were am be been can could would should will want wanna need gonna um uh er erm hmm like well
    let's also then please's number's its this's i we they he she very really just some any every each these those
    until since before after i'll i've we'd we've you're give send tell calling trying called"""
_TRAILING = frozenset(_TRAILING_TEXT.split())
"""Words that English sentences seldom end with."""
_TWO_TEXT = """want to|need to|like to|going to|have to|trying to|number is|name is|address is|account is|it is|that is|
    code is|zip is|birth is|is a|is the|in the|on the|at the|of the|of my|for my|in my|to my|and the|and my|you know|
    i mean|kind of|sort of|because of|such as|as well|let me|can you|could you|would you|i want|i need|i think|
    i was|i have|do you|what is|how do|how can|so i|and i|but i|if i|when i|is my|is there a"""
_TWO = frozenset(" ".join(pair.split()) for pair in _TWO_TEXT.split("|"))
_ENDS_WELL = frozenset({"that is", "it is", "as well", "you know"})
_WHOLE_TEXT = """yes|no|yeah|yep|nope|yup|sure|okay|ok|correct|right|please|thanks|thank you|thank you very much|
no thanks|
    no thank you|yes please|that's all|that's it|that's right|bye|goodbye|hello|hi|exactly|of course|never mind|
    i don't know|not really|i do|i don't|it is|it isn't|no that's all|no that's it|operator|agent|representative|
    a person please|speak to a person|no problem|great|perfect"""
_WHOLE = frozenset(" ".join(item.split()) for item in _WHOLE_TEXT.split("|"))
_LEAD_INS = frozenset(
    {
        "sorry",
        "sorry wait",
        "wait sorry",
        "oh sorry",
        "excuse me",
        "okay so",
        "actually",
        "wait",
        "wait a minute",
        "hold on",
        "let me see",
        "one moment",
    }
)
"""What people say before they say what they want."""
_OPENING = re.compile(
    r"(?:(?:hi|hello|hey|yes|um|uh|oh|okay|good morning|good afternoon|good evening|there)\b ?)*"
    r"(?:[a-z]+ )?(?:(?:my name is|this is|i'm|i am)(?: also)? [a-z']+(?: [a-z']+){0,2})?"
)
"""A greeting and a name: the wish is still to come. "this is urgent" waits a little longer for nothing."""
_QUESTION_TEXT = "what when where who why how which can could do does did is are will would may should"
_QUESTION = frozenset(_QUESTION_TEXT.split())
_DIGIT_TEXT = "zero oh one two three four five six seven eight nine ten double triple dash hundred thousand"
_DIGIT_WORDS = frozenset(_DIGIT_TEXT.split())
_WORD = re.compile(r"[a-z0-9']+(?:[.,:][0-9]+)*")


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
    if text.rstrip().endswith(("...", "…", "-", "—", ",")):
        return Completeness.INCOMPLETE
    joined = " ".join(words)
    if joined in _LEAD_INS or (" is " in joined and expectation is Expectation.OPEN and _OPENING.fullmatch(joined)):
        return Completeness.INCOMPLETE
    if expectation is Expectation.DIGITS:
        return _digits_complete(text, words, digits)
    if joined in _WHOLE:
        return Completeness.COMPLETE
    if len(words) >= 2 and " ".join(words[-2:]) in _TWO - _ENDS_WELL:
        return Completeness.INCOMPLETE
    if words[-1] in _TRAILING and not (len(words) == 1 and words[-1] == "well"):
        # "what is it about", "who is this for": a question may end with a preposition
        asks = words[0] in _QUESTION and words[-1] in {"for", "about", "from", "with", "to", "at", "in", "are"}
        return Completeness.UNKNOWN if asks and text.rstrip().endswith("?") else Completeness.INCOMPLETE
    if _open_number(words):
        return Completeness.INCOMPLETE
    if expectation is Expectation.YES_NO and words[0] in {"yes", "no", "yeah", "nope", "yep", "sure", "correct"}:
        return Completeness.COMPLETE
    if text.rstrip().endswith("?") and len(words) >= 3:
        return Completeness.COMPLETE
    if text.rstrip().endswith((".", "!")) and len(words) >= 4:
        return Completeness.COMPLETE
    return Completeness.UNKNOWN


def _digits_complete(text: str, words: list[str], digits: int) -> Completeness:
    said = digit_count(text)
    if digits and said:
        return Completeness.COMPLETE if said >= digits else Completeness.INCOMPLETE
    if words[-1] in _TRAILING or words[-1] in ("double", "triple", "dash"):
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
    named = any(word in {"number", "ending", "card", "account", "zip", "pin", "code", "phone"} for word in before[-4:])
    return words[-1] in ("double", "triple", "dash") or (named and 0 < tail < 3)
