"""Did the caller say yes or no to "shall I get a person for you?"."""

from __future__ import annotations

import re

from escalation.phrases import normalise

_FILLER = r"(?:(?:uh|um|er|oh|well|okay|ok|so|hmm|please|actually|and|then)\s+)*"
_YES = re.compile(
    rf"^{_FILLER}(?:yes|yeah|yep|yup|yea|ya|sure|okay|ok|alright|all right|fine|absolutely|definitely|certainly"
    r"|of course|please|please do|go ahead|go for it|do that|do it|do so|let's do (?:that|it)|sounds good|sounds great"
    r"|that (?:would|will|'d|works|sounds)|that'd be|i would|i'd (?:like|love|appreciate) that|i would like that"
    r"|uh huh|mm hmm|mhm|correct|right|connect me|transfer me|put me through|perfect|great)\b"
)
_NO = re.compile(
    rf"^{_FILLER}(?:no|nope|nah|not (?:now|yet|really|necessary|right now)|never mind|nevermind|don't|do not"
    r"|that won't be|that(?:'s| is|'ll be| will be| was(?: going to be| gonna be)?) (?:all|it|everything)\b"
    r"|that's (?:okay|ok|fine|all right|alright|not necessary)|i'm (?:good|fine|okay|ok|all set)"
    r"|i am (?:good|fine|okay)|no need|skip)\b"
)
_DONE = re.compile(r"\bthat(?:'s| is|'ll be| will be| was (?:going to be|gonna be)) (?:all|it|everything)\b")
"""Finished, however it begins: "Yes, that will be all."."""
_RESERVED = re.compile(
    r"\b(?:but|no|not|don't|first|before|actually|wait|instead|what|how|when|where|why|which|who"
    r"|is there|are there|do you|(?:like|want|need) to(?! (?:be|do|speak|talk|have)\b))\b"
)
"""A question or a wish of its own after the yes: "I would like to schedule an appointment" accepts nothing."""
MAX_WORDS = 9
"""A longer sentence that opens with "yes" goes on to something else."""


def answer_to_offer(text: str) -> bool | None:
    """True: accepted; False: declined; None: the caller said something else, to be answered as any turn."""
    words = normalise(text)
    if _NO.match(words) or _DONE.search(words):
        return False
    if (found := _YES.match(words)) is None:
        return None
    if len(words.split()) > MAX_WORDS or _RESERVED.search(words[found.end() :]):
        return None
    return True
