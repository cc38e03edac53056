"""Made questions of five topics, and some about none of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

_SAYS = {
    "card_lost": ("I lost my {}", "my {} is gone", "somebody stole my {}", "I cannot find my {} any more"),
    "opening_hours": ("when does the {} open", "is the {} open on sunday", "closing time of the {}", "hours of the {}"),
    "exchange_rate": ("what is the rate for {}", "how much are {} today", "exchange {} please", "I want to buy {}"),
    "password": ("I forgot the password of {}", "reset my {} password", "cannot log in to {}", "{} locks me out"),
    "mortgage": ("I want a loan for a {}", "mortgage on my {}", "interest to buy a {}", "finance a new {}"),
}
_THINGS = {
    "card_lost": ("debit card", "credit card", "bank card", "visa", "mastercard", "card"),
    "opening_hours": ("branch", "main office", "bank", "town branch", "counter", "station branch"),
    "exchange_rate": ("euros", "dollars", "yen", "swiss francs", "pesos", "pounds"),
    "password": ("online banking", "the app", "my account", "the website", "mobile banking", "web banking"),
    "mortgage": ("house", "flat", "home", "cottage", "apartment", "bungalow"),
}
OUTSIDE = (
    "who won the football game last night",
    "sing me a song about the sea",
    "how tall is the tallest giraffe",
    "what should I feed a tortoise",
    "is it going to snow in the mountains",
    "translate good morning into welsh",
)


def questions() -> list[tuple[str, str]]:
    """(text, topic), 24 of each."""
    return [(say.format(thing), topic) for topic, says in _SAYS.items() for say in says for thing in _THINGS[topic]]


def write_csv(path: Path, rows: list[tuple[str, str]]) -> Path:
    """As BANKING77 is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows([("text", "category"), *rows])
    return path


def write_json(path: Path, rows: list[tuple[str, str]], outside: tuple[str, ...] = OUTSIDE) -> Path:
    """As CLINC150 is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"val": rows, "oos_val": [(text, "oos") for text in outside]}))
    return path
