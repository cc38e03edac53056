"""Instructions that a document hides for the language model: found by rule, quoted, left to a person. Pure.

A bank's documents do speak of instructions and rules ("ignore a letter that asks for your PIN"), so a rule asks for
two things at once: an order to leave the rules, *and* what is ordered to be left being the reader's own instructions;
or for marks that no document for people has (chat template tags, invisible letters).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_OWN = (
    r"(?:your|the|these|those|any|all|every|previous|prior|above|earlier|preceding"
    r"|foregoing|following|former|system|original|initial|safety|given|of|my|our|other)"
)
_RULES = (
    r"(?:instructions?|prompts?|rules?|guidelines?|directives?|programming|training|restrictions?|constraints?"
    r"|guardrails?|safeguards?|system messages?|context|orders|commands?)"
)
_LEAVE = (
    r"(?:ignor(?:e|ing)|disregard(?:ing)?|overlook(?:ing)?|regardless of|forget(?:ting)?"
    r"|overrid(?:e|ing)|overrul(?:e|ing)|bypass(?:ing)?"
    r"|neglect|discard|skip|drop|erase|do not (?:follow|obey)|don'?t (?:follow|obey)|stop (?:following|obeying)"
    r"|pay no attention to|set aside)"
)
_REVEAL = (
    r"(?:reveal|print|repeat|show|output|display|disclose|recite|leak|tell (?:me|us"
    r"|them)|give (?:me|us)|what (?:is|are|was|were))"
)
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (why, re.compile(pattern, re.I | re.M))
    for why, pattern in (
        ("orders to leave the rules",
         rf"\b{_LEAVE}\b(?:\s+\w+){{0,3}}?\s+(?:{_OWN}\s+){{1,5}}(?:\w+\s+){{0,2}}?{_RULES}\b"),
        ("orders to leave the rules",
         rf"\b{_LEAVE}\s+(?:everything|anything|all)\b[^.\n]{{0,40}}\b(?:above|before|previous\w*"
         rf"|said|told|written)\b"),
        ("orders to leave the rules",
         r"\b(?:ignore|disregard|forget)\s+(?:about\s+)?(?:all\s+)?(?:the|this|that|those)\s+[\w -]{2,30}?\s+(?"
         r":and|but)\s+(?:instead\s+)?(?:state|say|repeat|answer|print|output|give|write"
         r"|tell|respond|reply|admit|claim)\b"),
        ("orders to leave the rules",
         r"\b(?:ignor\w*|olvid\w*|desconsider\w*|dimentic\w*|oubli\w*|vergiss|vergessen sie"
         r"|ignorieren sie|negeer|abaikan|pomiń|игнорируй\w*)\b[^.\n]{0,40}\b(?:instruc[ct]\w*"
         r"|instru[çc]\w*|istruzion\w*|consignes|anweisung\w*|regeln|reglas|regras|règles"
         r"|regole|instructies|instruksi|instrukcj\w*|инструкци\w*)"),
        ("orders to leave the rules",
         r"(?:指示|指令|命令|ルール)[^。\n]{0,12}(?:無視|忽略|忘れ|忘记)|(?:無視|忽略|忘记|无视)[^。\n]{0,12}(?:指示"
         r"|指令|命令|说明|规则)|지시[^.\n]{0,12}무시|निर्देश[^।\n]{0,20}(?:अनदेखी|नज़रअंदाज़)|تجاهل[^.\n]{0,20}(?:التعليما"
         r"ت|الأوامر)"),
        ("gives the reader a new part",
         r"<\s*(?:system|developer|admin|god)\s+mode\s*>|\boverride[_ ]mode\b|\bimmerse yourself in(?:to)? the "
         r"role\b"),
        ("asks for the prompt",
         rf"\b{_REVEAL}\b[^.\n]{{0,60}}\b(?:system|initial|original|hidden|secret|your)\s+(?:\w+\s+)?(?:prompt"
         rf"|instructions?|system message|directives?)\b"),
        ("gives the reader a new part",
         r"\byou are (?:now|no longer|henceforth)\b[^.\n]{0,80}\b(?:ai|assistant|bot|chatbot"
         r"|model|mode|persona|dan|restricted|unrestricted|bound|pirate|character)\b"),
        ("gives the reader a new part",
         r"\b(?:from now on|henceforth|starting now)\b[^.\n]{0,60}\byou (?:are|will|must"
         r"|shall|should|act|only|always)\b"),
        ("gives the reader a new part",
         r"\b(?:pretend|act as if|roleplay|role-play|imagine) (?:that )?you(?: a|'?)re\b"),
        ("gives the reader a new part",
         r"\b(?:developer|dan|jailbreak|god|debug|unrestricted|admin(?:istrator)?) mode\b[^.\n]{0,40}\b(?:enabl"
         r"ed?|activated?|on|engaged|unlocked)\b"),
        ("speaks to a language model",
         r"\b(?:as an? (?:ai|artificial intelligence|language model|llm|assistant)|(?:dear"
         r"|attention|note (?:to|for)|hey|instructions? (?:to|for)|message (?:to|for))(?: the"
         r"| any| all)?\s+(?:ai|llm|language model|chatbot|assistant|voice ?bot|gpt)s?)\b[^.\n]{0,80}\b(?:must"
         r"|should|ignore|reply|respond|say|tell|answer|do not|don'?t|never|always|please"
         r"|you)\b"),
        ("speaks to a language model",
         r"\b(?:new|updated|additional|real|actual|secret|hidden|override)\s+(?:system\s+)?(?:instructions?"
         r"|prompt|directive|task)\s*(?:are|is|begin|follows?)?\s*:"),
        ("orders secrecy",
         r"\b(?:do not|don'?t|never) (?:tell|inform|mention|reveal|let)\b[^.\n]{0,40}\b(?:this"
         r"|these|the) (?:instructions?|message|prompt|text|note)\b"),
        ("carries a chat template",
         r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id"
         r"|end_header_id)\|>|\[/?INST\]|<</?SYS>>|^\s*#{2,}\s*(?:system|instruction|new instructions?)\s*:?\s*"
         r"$|^\s*(?:system|assistant)\s*(?:prompt|message)?\s*:\s*you\b"),
    )
)  # fmt: skip
_TAG_LETTERS = range(0xE0020, 0xE007F)
_INVISIBLE = re.compile(r"[\u200b\u200c\u2060\u2061-\u2064\ufeff\u180e\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_MANY_INVISIBLE = 8
"""So many in one document are no stray from a word processor."""
_QUOTE = 200
_MOST = 20


@dataclass(slots=True, frozen=True)
class Suspicion:
    """Why a document is quarantined. ``where``: text, hidden text, or title; ``quote`` as it stands there."""

    why: str
    where: str
    quote: str


def suspicions(text: str, hidden: Iterable[str] = (), title: str = "") -> tuple[Suspicion, ...]:
    """Every suspicion, each quote once, at most 20. ``hidden`` is text that a reader of the document does not see."""
    found: dict[str, Suspicion] = {}
    for where, piece in (("title", title), ("text", text), *(("hidden text", one) for one in hidden)):
        for why, quote in _in(piece):
            found.setdefault(quote, Suspicion(why, where, quote))
    return tuple(found.values())[:_MOST]


def _in(piece: str) -> Iterator[tuple[str, str]]:
    letters = "".join(chr(ord(one) - 0xE0000) for one in piece if ord(one) in _TAG_LETTERS)
    if letters:
        yield "is written in invisible letters", letters[:_QUOTE]
    if len(_INVISIBLE.findall(piece)) >= _MANY_INVISIBLE:
        yield "holds many invisible letters", _quote(piece, *_first_invisible(piece))
    seen = _plain(piece)
    for why, pattern in _PATTERNS:
        for match in pattern.finditer(seen):
            yield why, _quote(seen, match.start(), match.end())


def _plain(piece: str) -> str:
    """Without the tricks: invisible letters gone, full-width and styled letters made plain."""
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", piece))


def _first_invisible(piece: str) -> tuple[int, int]:
    match = _INVISIBLE.search(piece)
    assert match is not None
    return match.span()


def _quote(piece: str, start: int, end: int) -> str:
    """The lines around a match, at most 200 letters."""
    begin = max(piece.rfind("\n", 0, start) + 1, start - _QUOTE // 3)
    stop = piece.find("\n", end)
    stop = min(stop if stop >= 0 else len(piece), begin + _QUOTE)
    return " ".join(piece[begin : max(stop, min(end, begin + _QUOTE))].split())
