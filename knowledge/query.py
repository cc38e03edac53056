"""What a caller said, made ready for searching. Pure.

Spoken questions come with greetings, names, hesitations and politeness; none of it stands in a document, all of it
pulls the question's vector away from what is meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from knowledge.passages import sentences

_NAME = r"[a-z][\w'-]*"
_DROP = re.compile(
    r"\b(?:"
    rf"my name(?:'s| is)(?: {_NAME})(?: (?!and\b|i\b|i'[a-z]+\b|but\b|so\b|calling\b){_NAME})?"
    r"|(?:good (?:morning|afternoon|evening)|hi|hello|hey|greetings)(?: there)?"
    r"|thank you(?: so much| very much)?|thanks(?: so much| a lot)?|please|you know|i mean|kind of|sort of"
    r"|u+m+|u+h+m*|e+r+m*|a+h+|h+m+|mm+|well|okay|ok|alright|yeah|yes|actually|basically|just"
    r")\b",
    re.I,
)
_ASK = re.compile(
    r"\b(?:"
    r"i(?:'m| am|'ve been| was) (?:just )?(?:calling|phoning|trying|looking|hoping|wondering)"
    r"(?: to| about| for| if| on)?"
    r"|i(?: would|'d)(?: really)? (?:like|love)(?: to)?|i (?:want(?:ed)?|need(?:ed)?|have)(?: to)"
    r"|(?:can|could|would|will) you(?: maybe)? (?:tell me|help me(?: with| to)?|let me know)"
    r"|do you (?:happen to )?know|i(?: would|'d)? (?:want|like) to know"
    r")\b",
    re.I,
)
_STOP_WORDS = """
a about after all am an and any are as at be been before but by can could did do does doing don't for from get
getting go going gonna got had has have having he hello help her here hers hi him his how i i'd i'll i'm i've if in
into is it it's its know let like long lot make many may me might mine much must my need needs of off ok okay on or
other our ours out over own per please really right say see she should so some something sort still sure take tell
than thank thanks that that's the their them then there there's these they thing things this those to too try
trying uh um up us use very want wanted wants was we were what what's when where which while who why will with
wonder wondering would yes you you'd you're your yours isn't doesn't didn't can't won't today maybe
"""
_STOP = frozenset(_STOP_WORDS.split())
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_ELLIPTIC = re.compile(
    r"^\W*(?:and|or|but|so|then)?\W*(?:what about|how about|and|or)\b|\b(?:it|that|this|those|them|one|there)\W*$", re.I
)


@dataclass(slots=True, frozen=True)
class Question:
    """A question ready for both indexes. Both empty: nothing was asked."""

    text: str
    """For the embedder."""
    terms: tuple[str, ...]
    """Content words, lower case, each once, for the lexical index."""
    readings: tuple[str, ...] = ()
    """The same question as it may have been said instead, for the embedder."""


def clean(said: str) -> str:
    """The question without greetings, names, hesitations and politeness; the words themselves are kept."""
    text = re.sub(r"\[[^\]]{0,40}\]|<[^>]{0,40}>", " ", said)
    text = _DROP.sub(" ", text)
    text = re.sub(r"\b(\w+)(?:\W+\1\b)+", r"\1", text, flags=re.I)
    text = re.sub(r"\s+([,.?!])", r"\1", " ".join(text.split()))
    text = re.sub(r"[,.;!?]+(?=[,.;!?])|^[\s,.;!?-]+", "", text)
    return text.strip(" ,;-")


def content_words(text: str) -> tuple[str, ...]:
    """Words that may tell one document from another, lower case, in order, each once."""
    words = (match.group().lower().replace("’", "'") for match in _WORD.finditer(text))
    kept = (word.removesuffix("'s") for word in words if word not in _STOP)
    return tuple(dict.fromkeys(word.replace("'", "") for word in kept if word not in _STOP and word.strip("'")))


def is_stop_word(word: str) -> bool:
    """Is it one of the words that tell no document from another?"""
    return word in _STOP


def is_elliptic(said: str) -> bool:
    """Does the question lean on what was said before ("and on Saturday?", "how much is that?")?"""
    words = content_words(clean(said))
    return len(words) <= 1 or (len(words) <= 3 and _ELLIPTIC.search(said) is not None)


def prepare(said: str, context: Sequence[str] = (), *, turns: int = 1, max_chars: int = 2000) -> Question:
    """A question from what was said; ``context`` are earlier turns, oldest first, used if it is elliptic."""
    text, terms = _asked(said[-max_chars:])
    if context and turns and is_elliptic(said):
        earlier = [clean(turn[-max_chars:]) for turn in context[-turns:]]
        text = " ".join(filter(None, [*earlier, text]))
        terms = tuple(dict.fromkeys((*terms, *(word for turn in earlier for word in content_words(turn)))))
    return Question(text if terms else "", terms[:32])


def parts(said: str, *, words: int, most: int) -> list[str]:
    """A long story's sentences, the last ``most`` that mean something; what is no longer than ``words`` stays whole.

    Several things said together have a vector that is near to none of them. A recogniser sets no full stops: sentences
    longer than ``words`` are cut.
    """
    if len(said.split()) <= words:
        return [said]
    found: list[str] = []
    for sentence in sentences(said):
        spoken = sentence.split()
        found.extend(" ".join(spoken[at : at + words]) for at in range(0, len(spoken), words))
    return [one for one in dict.fromkeys(found) if content_words(one)][-most:] or [said]


def with_readings(question: Question, readings: Sequence[str], *, most: int, max_chars: int = 2000) -> Question:
    """The question with up to ``most`` other readings, those that differ from it and one another."""
    texts = (_asked(one[-max_chars:])[0] for one in readings[: 4 * most])
    others = dict.fromkeys(one for one in texts if one and one.casefold() != question.text.casefold())
    return replace(question, readings=tuple(others)[:most]) if question.text else question


def _asked(said: str) -> tuple[str, tuple[str, ...]]:
    """Text for the embedder, without "can you tell me"; content words of all of it."""
    text = clean(said)
    bare = _ASK.sub(" ", text)
    return " ".join(bare.split()).strip(" ,;-") if content_words(bare) else text, content_words(text)
