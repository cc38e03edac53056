"""Figures as a person would say them: cardinals, digits one by one, years, times, money."""

from __future__ import annotations

from num2words import num2words

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_UNITS = {
    "$": ("dollar", "cent"),
    "US$": ("U S dollar", "cent"),
    "C$": ("Canadian dollar", "cent"),
    "CA$": ("Canadian dollar", "cent"),
    "A$": ("Australian dollar", "cent"),
    "AU$": ("Australian dollar", "cent"),
    "€": ("euro", "cent"),
    "£": ("pound", "penny"),
    "¥": ("yen", "sen"),
    "₹": ("rupee", "paisa"),
}
_SCALES = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion", "million": "million"}
_LARGEST = 10**15


def cardinal(figures: str) -> str:
    """``1,250`` → one thousand two hundred fifty; ``3.05`` → three point zero five. Very long ones digit by digit."""
    whole, _, fraction = figures.replace(",", "").partition(".")
    number = int(whole or "0")
    words = digits(whole) if number >= _LARGEST else _plain(str(num2words(number)))
    return f"{words} point {digits(fraction)}" if fraction else words


def ordinal(figures: str) -> str:
    """``23`` → twenty-third."""
    return _plain(str(num2words(int(figures), to="ordinal")))


def digits(figures: str) -> str:
    """``4207`` → four two zero seven; whatever is no digit is skipped."""
    return " ".join(DIGITS[int(char)] for char in figures if char.isdecimal() and char.isascii())


def grouped(text: str) -> str:
    """A phone or card number digit by digit, with a pause where it is written in groups."""
    groups = "".join(char if char.isdigit() else " " for char in text).split()
    return ", ".join(digits(group) for group in groups)


def year(figures: str) -> str:
    """``2025`` → twenty twenty-five, ``2005`` → two thousand five, ``1900`` → nineteen hundred."""
    return _plain(str(num2words(int(figures), to="year")))


def decade(figures: str) -> str:
    """``1990`` → nineteen nineties, ``90`` → nineties."""
    words = year(figures) if len(figures) == 4 else _plain(str(num2words(int(figures))))
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def fraction(top: int, bottom: int) -> str:
    """1, 2 → one half; 3, 4 → three quarters; 5, 8 → five eighths."""
    names = {2: "half", 4: "quarter"}
    part = names.get(bottom, ordinal(str(bottom)))
    return f"{cardinal(str(top))} {part if top == 1 else part + 's'}"


def clock_time(hour: str, minute: str, half: str) -> str:
    """``9``, ``30``, ``a`` → nine thirty A M; ``half`` is ``a``, ``p`` or empty."""
    words = _plain(str(num2words(int(hour))))
    if minute and int(minute):
        words += " oh " + DIGITS[int(minute)] if int(minute) < 10 else " " + _plain(str(num2words(int(minute))))
    elif minute and not half:
        words += " o'clock" if 1 <= int(hour) <= 12 else " hundred hours"
    return f"{words} {half.upper()} M" if half else words


def money(symbol: str, figures: str, scale: str) -> str:
    """``$``, ``1,250.50`` → one thousand two hundred fifty dollars and fifty cents; ``scale``: ``million``, ``k`` …"""
    unit, small = _UNITS[symbol]
    units = unit if unit == "yen" else unit + "s"
    if scale:
        return f"{cardinal(figures)} {_SCALES.get(scale.lower(), scale.lower())} {units}"
    whole, _, fraction = figures.replace(",", "").partition(".")
    cents = int((fraction + "00")[:2]) if fraction else 0
    if len(fraction) > 2:
        return f"{cardinal(figures)} {units}"
    pennies = f"{cardinal(str(cents))} {small if cents == 1 else _plural(small)}"
    pounds = f"{cardinal(whole or '0')} {unit if whole == '1' else units}"
    if cents and not int(whole or "0"):
        return pennies
    return f"{pounds} and {pennies}" if cents else pounds


def date(month: int, day: str, year_figures: str) -> str:
    """3, ``5``, ``2025`` → March fifth, twenty twenty-five; the year may be empty."""
    words = f"{MONTHS[month - 1]} {ordinal(day)}"
    return f"{words}, {year(year_figures)}" if year_figures else words


def _plural(unit: str) -> str:
    return "pence" if unit == "penny" else unit + "s"


def _plain(words: str) -> str:
    """num2words writes "one thousand, two hundred and fifty"; callers hear the American form."""
    return words.replace(",", "").replace(" and ", " ")
