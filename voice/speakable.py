"""The rules of normalisation: figures, money, dates, times, numbers that are read out digit by digit, addresses.

One table, tried in order at each word's start; the first that fits takes the characters it matches. A rule is a pattern
and how its match is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from voice.abbreviations import CURRENCY_CODES, DAYS, FRACTION_SIGNS, SIGNS, SPELLED, UNITS, ZONES
from voice.numbers import (
    DIGITS,
    MONTHS,
    cardinal,
    clock_time,
    date,
    decade,
    digits,
    fraction,
    grouped,
    money,
    ordinal,
    year,
)

Match = re.Match[str]
Rule = tuple[str, Callable[[Match], str]]

_N = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_DASH = r"\s?[-–—]\s?"
_MONTH = r"(?P<month>Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|May|June?|July?|Aug(?:ust|\.)?|"
_MONTH += r"Sept?(?:ember|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)"
_YEAR = r"(?:19|20)\d\d"
_HALF = r"\s?(?P<{0}>[apAP])(?:\.\s?[mM]\.?|[mM]\b\.?)"
_SCALE = r"(?:\s?(?P<scale>thousand|million|billion|trillion|bn|[kKmMbB])\b)?"
_SIGN = r"(?P<sign>(?:C|CA|A|AU|US)?\$|[€£¥₹])"
_TLD = r"(?:com|org|net|gov|edu|io|co|bank|info|us|uk|eu|de)"
_DAY = r"(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)"
_ZONE = rf"(?:\s(?P<zone>{'|'.join(ZONES)})\b)?"
_UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_BEFORE_FIGURE = "|".join(re.escape(sign) for sign in sorted(SIGNS, key=len, reverse=True) if sign not in "-−")
_LEAD = r"(?P<lead>(?:[Cc]ard|[Aa]ccount|[Nn]umber|[Ee]nding|[Ee]nds|[Dd]igits|[Cc]ode|PIN|ZIP|[Ee]xtension|[Ee]xt\.)"
_LEAD += r"(?:\s(?:in|with|is|are|code|number))*)"
_SHORT_CODE = 4
"""A code of up to so many characters ("W-2") is said in one breath."""
_FORMS = r"(?:1099|1098|1040|1095)"


def _month(name: str) -> int:
    return next(index for index, month in enumerate(MONTHS, 1) if month.lower().startswith(name.lower()[:3]))


def _say_address(text: str) -> str:
    text = re.sub(r"^(?:https?://)?(?:www\.)?", "", text).rstrip("/")
    words = {".": "dot", "@": "at", "/": "slash", "-": "dash", "_": "underscore", "?": "question mark", "=": "equals"}
    pieces = re.findall(r"[A-Za-z]+|\d+|[^\w\s]|_", text)
    return " ".join(words.get(piece, digits(piece) if piece.isdigit() else piece) for piece in pieces)


def _safe_date(month: int, day: str, year_figures: str, fallback: str) -> str:
    if 1 <= month <= 12 and 1 <= int(day) <= 31:
        return date(month, str(int(day)), year_figures)
    return grouped(fallback)


def _two_digit_year(figures: str) -> str:
    return figures if len(figures) != 2 else ("20" if int(figures) < 70 else "19") + figures


def _slashed(match: Match) -> str:
    """ "3/5" is a date after a word that dates take, or where no such fraction is said; else a fraction."""
    top, bottom, lead = int(match["a"]), int(match["b"]), match["lead"] or ""
    if not lead and top < bottom and bottom in (2, 3, 4, 5, 6, 8, 10, 16):
        return fraction(top, bottom)
    if 1 <= top <= 12 and 1 <= bottom <= 31:
        return lead + date(top, match["b"].lstrip("0"), "")
    return f"{lead}{cardinal(match['a'])} slash {cardinal(match['b'])}"


def _mixed(match: Match) -> str:
    """ "1 1/2", "1½", "½"."""
    top, _, bottom = FRACTION_SIGNS.get(match["f"], match["f"]).partition("/")
    part = fraction(int(top), int(bottom))
    whole = match["a"]
    return f"{cardinal(whole)} and {'a half' if part == 'one half' else part}" if whole else part


def _zone(match: Match) -> str:
    return f" {ZONES[match['zone']]}" if match["zone"] else ""


def _time(match: Match) -> str:
    return clock_time(match["h"], match["m"] or "", match["p"].lower()) + _zone(match)


def _time_range(match: Match) -> str:
    first = clock_time(match["h1"], match["m1"] or "", (match["p1"] or "").lower())
    return f"{first} to {clock_time(match['h2'], match['m2'] or '', match['p2'].lower())}{_zone(match)}"


def _day_time(hour: str, minute: str) -> str:
    """A time of the 24-hour clock as it is said: 14:30 is two thirty P M, 09:00 nine A M, 9:00 nine o'clock."""
    number = int(hour)
    if number > 12:
        return clock_time(str(number - 12), minute, "p")
    if number == 0:
        return clock_time("12", minute, "a")
    return clock_time(str(number), minute, "a" if hour[0] == "0" else "")


def _money(match: Match) -> str:
    """Figures with a sign before or after; "1.234,56" as it is written on the continent."""
    figures = match["a"]
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})*,\d\d", figures):
        figures = figures.replace(".", "").replace(",", ".")
    return money(match["sign"], figures, match.groupdict().get("scale") or "")


def _money_range(match: Match) -> str:
    low = cardinal(match["a"]) if "." not in match["a"] else money(match["sign"], match["a"], "")
    return f"{low} to {money(match['sign'], match['b'], match['scale'] or '')}"


def _coded_money(match: Match) -> str:
    return f"{cardinal(match['a'])} {CURRENCY_CODES[match['code']]}"


def _range(match: Match) -> str:
    low, high = match["a"], match["b"]
    if re.fullmatch(_YEAR, low) and re.fullmatch(_YEAR, high):
        return f"{year(low)} to {year(high)}"
    if len(low) >= 4 and len(high) >= 4 and low.isdigit() and high.isdigit():
        return grouped(match[0])  # 1234-5678 is a number in groups
    return f"{cardinal(low)} to {cardinal(high)}"


def _percent(match: Match) -> str:
    sign = f"{SIGNS[match['sign']]} " if match["sign"] else ""
    return f"{sign}{cardinal(match['a'])} percent"


def _unit(match: Match) -> str:
    return f"{cardinal(match['a'])} {UNITS[match['unit']][match['a'] != '1']}"


def _unit_range(match: Match) -> str:
    return f"{_range(match)} {UNITS[match['unit']][1]}"


def _code(match: Match) -> str:
    """Letters and digits mixed, one by one: a reference, a form, a postcode."""
    groups = re.split(r"[-–]", match[0])
    said = [" ".join(DIGITS[int(char)] if char.isdigit() else char for char in group) for group in groups]
    return (", " if len(match[0]) > _SHORT_CODE else " ").join(said)


def _form(match: Match) -> str:
    letters = match["letters"]
    return year(match["a"]) + (f" {' '.join(letters)}" if letters else "")


def _day(match: Match) -> str:
    return DAYS[match["day"].lower()]


def _days(match: Match) -> str:
    return f"{DAYS[match['a'].lower()]} to {DAYS[match['b'].lower()]}"


_DATES: tuple[Rule, ...] = (
    (
        rf"(?P<y>{_YEAR})-(?P<m>\d\d)-(?P<d>\d\d)\b",
        lambda m: _safe_date(int(m["m"]), m["d"], m["y"], m[0]),
    ),
    (
        r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4}|\d\d)\b",
        lambda m: _safe_date(int(m["m"]), m["d"], _two_digit_year(m["y"]), m[0]),
    ),
    (r"(?:(?P<a>\d+)\s)?(?P<f>1/2|1/3|2/3|1/4|3/4|[1357]/8)(?![\d/])", _mixed),
    (rf"(?P<a>\d+)?(?P<f>[{''.join(FRACTION_SIGNS)}])", _mixed),
    (
        r"(?P<lead>(?:[Oo]n|[Bb]y|[Uu]ntil|[Ff]rom|[Ss]ince|[Bb]efore|[Aa]fter|[Dd]ue|[A-Z][a-z]+day)\s)?(?P<a>\d{1,2})/(?P<b>\d{1,2})(?![\d/])",
        _slashed,
    ),
    (
        rf"{_MONTH}\s(?P<d>[0-3]?\d)(?:st|nd|rd|th)?(?:,?\s(?P<y>{_YEAR}))?(?![\d,.:]*\d)\b",
        lambda m: _safe_date(_month(m["month"]), m["d"], m["y"] or "", m["d"]),
    ),
    (
        rf"(?P<d>[0-3]?\d)(?:st|nd|rd|th)?\s{_MONTH}(?:,?\s(?P<y>{_YEAR}))?\b",
        lambda m: _safe_date(_month(m["month"]), m["d"], m["y"] or "", m["d"]),
    ),
    (rf"{_MONTH}\s(?P<y>{_YEAR})(?![\d,.:]*\d)\b", lambda m: f"{MONTHS[_month(m['month']) - 1]} {year(m['y'])}"),
    (r"'?(?P<a>(?:19|20)?\d0)s\b", lambda m: decade(m["a"])),
    (rf"(?P<lead>mid|early|late)-(?P<y>{_YEAR})\b", lambda m: f"{m['lead']} {year(m['y'])}"),
    (
        rf"(?P<lead>[Ii]n|[Ss]ince|[Uu]ntil|[Ff]rom|[Bb]y|[Oo]f|[Yy]ear|[Dd]uring)\s(?P<y>{_YEAR})\b"
        r"(?!\s?(?:dollars|points|%)|[\d,.:-]*\d)",
        lambda m: f"{m['lead']} {year(m['y'])}",
    ),
    (rf"Q(?P<a>[1-4])\s(?P<y>{_YEAR})\b", lambda m: f"Q {cardinal(m['a'])} {year(m['y'])}"),
    (r"M[-–]F\b", lambda _: "Monday to Friday"),
    (rf"(?P<a>{_DAY})\.?{_DASH}(?P<b>{_DAY})\b\.?", _days),
    (r"(?P<day>Tues?|Wed|Thu(?:rs?)?|Fri)(?![\w'-])\.?", _day),
    (r"(?<!the )(?P<day>Mon|Sat|Sun)(?:\.|(?=,?\s(?:\d|&|and (?:Sun|Tues?)\b)))", _day),
)

_TIMES: tuple[Rule, ...] = (
    (
        rf"(?P<h1>\d{{1,2}})(?::(?P<m1>\d\d))?(?:{_HALF.format('p1')})?{_DASH}"
        rf"(?P<h2>\d{{1,2}})(?::(?P<m2>\d\d))?{_HALF.format('p2')}{_ZONE}",
        _time_range,
    ),
    (rf"(?P<h>\d{{1,2}})(?::(?P<m>[0-5]\d))?{_HALF.format('p')}{_ZONE}", _time),
    (
        rf"(?P<h1>[01]?\d|2[0-3]):(?P<m1>[0-5]\d){_DASH}(?P<h2>[01]?\d|2[0-3]):(?P<m2>[0-5]\d)(?!\d)",
        lambda m: f"{_day_time(m['h1'], m['m1'])} to {_day_time(m['h2'], m['m2'])}",
    ),
    (r"(?P<h>[01]?\d|2[0-3]):(?P<m>[0-5]\d)(?!\d)", lambda m: _day_time(m["h"], m["m"])),
    (r"24/7\b", lambda _: "twenty four seven"),
)

_MONEY: tuple[Rule, ...] = (
    (rf"{_SIGN}(?P<a>{_N}){_DASH}(?:{_SIGN.replace('sign', 'other')})?(?P<b>{_N}){_SCALE}", _money_range),
    (rf"{_SIGN}\s?(?P<a>\d{{1,3}}(?:\.\d{{3}})*,\d\d)(?!\d)", _money),
    (rf"{_SIGN}\s?(?P<a>{_N}){_SCALE}", _money),
    (rf"[-−]{_SIGN}(?P<a>{_N}){_SCALE}", lambda m: "minus " + _money(m)),
    (rf"(?P<a>\d{{1,3}}(?:\.\d{{3}})*,\d\d|{_N})\s?(?P<sign>[€£])", _money),
    (rf"(?P<a>{_N})\s(?P<code>{'|'.join(CURRENCY_CODES)})\b", _coded_money),
    (rf"(?P<code>{'|'.join(CURRENCY_CODES)})\s(?P<a>{_N})(?!\.?\d)", _coded_money),
)

_READ_OUT: tuple[Rule, ...] = (
    (rf"{_LEAD}\s(?P<d>\d{{3,}})(?![\d,.]*\d)(?![-–]\d)", lambda m: f"{m['lead']} {digits(m['d'])}"),
    (r"(?:[Ee]xtension|[Ee]xt\.)\s(?P<d>\d{1,2})\b", lambda m: f"extension {digits(m['d'])}"),
    (r"(?:[*xX•.#]{2,}[\s-]?)+(?P<d>\d{2,})\b", lambda m: digits(m["d"])),
    (r"\d{3}-\d{2}-\d{4}\b", lambda m: grouped(m[0])),
    (r"\d{5}-\d{4}\b", lambda m: grouped(m[0])),
    (r"(?:\+?1[\s.-])?(?:\(\d{3}\)\s?|\d{3}[\s.-])\d{3}[\s.-]\d{4}\b", lambda m: grouped(m[0])),
    (r"1-\d{3}-\d{3}-\d{4}\b|\d{3}-\d{4}\b|\+\d[\d\s-]{6,}\d", lambda m: grouped(m[0])),
    (r"1-(?P<a>8\d\d)-(?P<w>[A-Z]{4,})\b", lambda m: f"one, {cardinal(m['a'])}, {m['w'].capitalize()}"),
    (r"(?:\d{4}[\s-]){2,}\d{1,4}\b", lambda m: grouped(m[0])),
    (rf"(?P<a>{_FORMS})(?:-(?P<letters>[A-Z]+))?(?![\d,.]*\d)\b", _form),
    (r"401\(?k\)?(?!\w)", lambda _: "four oh one K"),
    (r"(?:[A-Z]{1,3}-?|\d+[A-Z]{1,3})\d[A-Z0-9]*(?:-[A-Z0-9]+)*\b", _code),
)

_NUMBERS: tuple[Rule, ...] = (
    (rf"(?P<a>{_N})\s?%?{_DASH}(?P<b>{_N})\s?%", lambda m: _range(m) + " percent"),
    (rf"(?P<sign>[-−+])?(?P<a>{_N})\s?%", _percent),
    (rf"(?P<a>{_N}){_DASH}(?P<b>{_N})\s?(?P<unit>{_UNIT})(?![\w/])\.?", _unit_range),
    (rf"(?P<a>{_N})\s?(?P<unit>{_UNIT})(?![\w/])\.?", _unit),
    (rf"(?P<a>{_N}){_DASH}(?P<b>{_N})(?![\w-])", _range),
    (r"(?P<a>\d{1,6})(?:st|nd|rd|th)\b", lambda m: ordinal(m["a"])),
    (r"No\. (?P<a>\d+)", lambda m: "number " + cardinal(m["a"])),
    (r"p\. (?P<a>\d+)", lambda m: "page " + cardinal(m["a"])),
    (r"(?:911|988|411|311)(?![\d,.]*\d)", lambda m: digits(m[0])),
    (r"#(?P<a>\d+)", lambda m: "number " + cardinal(m["a"])),
    (r"(?P<a>\d+)x\b", lambda m: cardinal(m["a"]) + " times"),
    (r"(?P<a>\d+(?:\.\d+)?)k\b", lambda m: cardinal(m["a"]) + " thousand"),
    (r"(?P<a>\d{5,})(?=\s(?:dollars|euros|pounds|points|miles|people|customers|times))", lambda m: cardinal(m["a"])),
    (r"(?P<a>[1-9]\d*000)(?![\d.,]*\d)", lambda m: cardinal(m["a"])),
    (r"(?:0\d+|\d{5,})(?![\d.,]*\d)", lambda m: digits(m[0])),
    (rf"(?P<a>\d+)\+(?P<b>{_N})", lambda m: f"{cardinal(m['a'])} plus {cardinal(m['b'])}"),
    (rf"(?P<a>{_N})\+", lambda m: cardinal(m["a"]) + " or more"),
    (rf"(?P<sign>{_BEFORE_FIGURE})(?=\s?[$€£]?\.?\d)", lambda m: SIGNS[m["sign"]]),
    (r"[-−](?=\.?\d)", lambda _: "minus"),
    (r"\.(?P<a>\d+)", lambda m: "point " + digits(m["a"])),
    (rf"(?:{_N})(?!\.?\d)", lambda m: cardinal(m[0])),
)

_LETTERS: tuple[Rule, ...] = (
    (rf"(?P<a>{'|'.join(SPELLED)})(?P<s>'?s?)\b", lambda m: " ".join(m["a"]) + ("s" if m["s"] else "")),
    (r"(?P<a>[A-Z])-(?P<b>[A-Z])\b", lambda m: f"{m['a']} {m['b']}"),
    (r"St\.\s(?P<name>[A-Z][\w'’-]+)", lambda m: f"Saint {m['name']}"),
    (r"St\.", lambda _: "Street"),
    (r"(?P<a>[A-Za-z]{2,})/(?P<b>[A-Za-z]{2,})\b", lambda m: _either(m["a"], m["b"])),
)


def _either(first: str, second: str) -> str:
    return f"{first} {second}" if first.lower() == "and" else f"{first} or {second}"


RULES: tuple[Rule, ...] = (
    (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", lambda m: _say_address(m[0])),
    (rf"(?:https?://|www\.)[^\s,;)]*[\w/]|[\w-]+(?:\.[\w-]+)*\.{_TLD}\b(?:/[\w/.-]*\w)?", lambda m: _say_address(m[0])),
    *_TIMES[-1:],
    *_DATES,
    *_TIMES[:-1],
    *_MONEY,
    *_READ_OUT,
    *_NUMBERS,
    *_LETTERS,
)
