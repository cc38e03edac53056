"""What is written short and said long: units, signs, titles, days, letters that are said one by one. Tables only."""

from __future__ import annotations

UNITS: dict[str, tuple[str, str]] = {
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "mi": ("mile", "miles"),
    "ft": ("foot", "feet"),
    "yd": ("yard", "yards"),
    "yds": ("yard", "yards"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "kg": ("kilogram", "kilograms"),
    "mg": ("milligram", "milligrams"),
    "KB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"),
    "mph": ("mile per hour", "miles per hour"),
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "°": ("degree", "degrees"),
    "sec": ("second", "seconds"),
    "secs": ("second", "seconds"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "wk": ("week", "weeks"),
    "wks": ("week", "weeks"),
    "mo": ("month", "months"),
    "mos": ("month", "months"),
    "yr": ("year", "years"),
    "yrs": ("year", "years"),
    "bps": ("basis point", "basis points"),
    "pts": ("point", "points"),
    "¢": ("cent", "cents"),
}
"""After a figure: one, several. No "m" (metres, minutes, millions) and no "in" (a word)."""

SIGNS = {
    "~": "about",
    "≈": "about",
    "<": "less than",
    ">": "more than",
    "≤": "at most",
    "<=": "at most",
    "≥": "at least",
    ">=": "at least",
    "±": "plus or minus",
    "+": "plus",
    "-": "minus",
    "−": "minus",
}
"""Before a figure."""

FRACTION_SIGNS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8"}

CURRENCY_CODES = {
    "USD": "U S dollars",
    "EUR": "euros",
    "GBP": "British pounds",
    "CAD": "Canadian dollars",
    "AUD": "Australian dollars",
    "JPY": "yen",
    "CHF": "Swiss francs",
    "INR": "rupees",
    "MXN": "Mexican pesos",
}

DAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "tues": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "thur": "Thursday",
    "thurs": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}

ZONES = {
    "ET": "Eastern time",
    "EST": "Eastern time",
    "EDT": "Eastern time",
    "CT": "Central time",
    "CST": "Central time",
    "CDT": "Central time",
    "MT": "Mountain time",
    "MST": "Mountain time",
    "MDT": "Mountain time",
    "PT": "Pacific time",
    "PST": "Pacific time",
    "PDT": "Pacific time",
    "UTC": "U T C",
    "GMT": "G M T",
}
"""After a time of day."""

SPELLED = tuple(
    """APR APY ATM FDIC IRA ACH SMS CD ID USA US UK EU HELOC SSN EIN ITIN FAQ CVV CVC IBAN BIC CEO VIP ETA DOB USD PDF
    URL QR HSA FSA LLC IRS AI TV FBI NFC OTP POS FX RMD POA""".split()
)
"""Said letter by letter; PIN, ZIP, SWIFT and NASA are words."""

SHORT = {
    "e.g.": "for example",
    "i.e.": "that is",
    "etc.": "et cetera",
    "mr.": "mister",
    "mrs.": "missus",
    "ms.": "miz",
    "dr.": "doctor",
    "prof.": "professor",
    "jr.": "junior",
    "sr.": "senior",
    "vs.": "versus",
    "vs": "versus",
    "approx.": "approximately",
    "ext.": "extension",
    "dept.": "department",
    "apt.": "apartment",
    "ave.": "avenue",
    "blvd.": "boulevard",
    "rd.": "road",
    "hwy.": "highway",
    "inc.": "incorporated",
    "corp.": "corporation",
    "ltd.": "limited",
    "co.": "company",
    "max.": "maximum",
    "min.": "minimum",
    "incl.": "including",
    "excl.": "excluding",
    "acct.": "account",
    "acct": "account",
    "w/": "with",
    "w/o": "without",
    "a.m.": "A M",
    "p.m.": "P M",
    "u.s.": "U S",
    "u.s": "U S",
    "u.k.": "U K",
    "p.o.": "P O",
    "at&t": "A T and T",
    "r&d": "R and D",
    "q&a": "Q and A",
    "ok": "okay",
    "&": "and",
    "+": "plus",
    "=": "equals",
    "/": "or",
    "×": "times",
    "→": "then",
    "–": "",
    "—": "",
    "-": "",
}
"""Whole words, lower case."""
