"""Card numbers as people read them out, and as three synthesisers say them. Made here: none is anybody's.

::

    4929 1066 1177 7293   grouped   "4929, 1066, 1177, 7293"          words    "four nine two nine, one oh six six, …"
                          doubled   "four nine two nine, one oh double six, double one double seven, …"
                          pairs     "forty-nine twenty-nine, ten sixty-six, …"      run   all sixteen without a pause
"""

from __future__ import annotations

import random
import subprocess
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from stdnum import luhn

from contracts.audio import RATE
from telephony.lines import PEAK, Speaker, trim
from telephony.resample import resample
from voice.numbers import DIGITS

STYLES = ("grouped", "words", "doubled", "pairs", "run", "hesitant")
FRAMES = ("{}", "My card number is {}.", "Sure, it's {}.", "The number on my card is {}, thank you.", "It's {}. Okay?")
_TENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TY = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ESPEAK = ((140, "en-us"), (175, "en-us"), (215, "en-us"), (160, "en-gb"))
"""Words a minute, and the voice."""
Say = Callable[[str], bytes]


@dataclass(slots=True, frozen=True)
class SpokenCard:
    """A number, how it is said, and by whom (an index into the voices)."""

    number: str
    style: str
    text: str
    voice: int


def cards(count: int, voices: int, seed: int = 20) -> list[SpokenCard]:
    """Valid numbers by Luhn, of 16 digits or (one in ten) 15, styles and voices in turn."""
    rng = random.Random(seed)
    made = []
    for index in range(count):
        length = 15 if rng.random() < 0.1 else 16
        start = rng.choice(["34", "37"]) if length == 15 else rng.choice(["4", "51", "53", "55", "6011", "2221"])
        body = start + "".join(rng.choice("0123456789") for _ in range(length - 1 - len(start)))
        number = body + luhn.calc_check_digit(body)
        style = STYLES[index % len(STYLES)]
        text = rng.choice(FRAMES).format(_read(number, style, rng))
        made.append(SpokenCard(number, style, text, (index // len(STYLES)) % voices))
    return made


def _read(number: str, style: str, rng: random.Random) -> str:
    sizes = (4, 6, 5) if len(number) == 15 else (4, 4, 4, 4)
    groups, at = [], 0
    for size in sizes:
        groups.append(number[at : at + size])
        at += size
    match style:
        case "grouped":
            return ", ".join(groups)
        case "doubled":
            return ", ".join(_doubled(group) for group in groups)
        case "pairs":
            return ", ".join(_pairs(group) for group in groups)
        case "run":
            return " ".join(_digit(one, rng) for one in number)
        case "hesitant":
            return ", uh, ".join(" ".join(_digit(one, rng) for one in group) for group in groups)
    return ", ".join(" ".join(_digit(one, rng) for one in group) for group in groups)


def _digit(digit: str, rng: random.Random) -> str:
    return rng.choice(["zero", "oh"]) if digit == "0" else DIGITS[int(digit)]


def _doubled(group: str) -> str:
    words: list[str] = []
    at = 0
    while at < len(group):
        run = len(group[at:]) - len(group[at:].lstrip(group[at]))
        run = min(run, 3)
        words.append({1: "", 2: "double ", 3: "triple "}[run] + DIGITS[int(group[at])])
        at += run
    return " ".join(words)


def _pairs(group: str) -> str:
    return " ".join(_pair(group[at : at + 2]) for at in range(0, len(group), 2))


def _pair(pair: str) -> str:
    if len(pair) == 1 or pair[0] == "0":
        return " ".join(DIGITS[int(one)] for one in pair)
    if pair[0] == "1":
        return _TENS[int(pair[1])]
    ten = _TY[int(pair[0]) - 2]
    return ten if pair[1] == "0" else f"{ten}-{DIGITS[int(pair[1])]}"


def voices() -> Sequence[tuple[str, Say]]:
    """Who speaks: the second voice, and espeak-ng at four paces where it is installed."""
    found: list[tuple[str, Say]] = [("hibari", Speaker().say)]
    for pace, voice in _ESPEAK:
        found.append((f"espeak-ng {voice} {pace}", _espeak(pace, voice)))
    return found


def _espeak(pace: int, voice: str) -> Say:
    def say(text: str) -> bytes:
        made = subprocess.run(
            ["espeak-ng", "-v", voice, "-s", str(pace), "--stdout", text], check=True, capture_output=True
        )
        with wave.open(BytesIO(made.stdout), "rb") as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float64)
            rate = file.getframerate()
        scaled: NDArray[np.float64] = samples / max(1.0, float(np.abs(samples).max())) * PEAK * 32767
        return trim(resample(scaled.astype("<i2").tobytes(), rate, RATE))

    return say
