"""Bytes to text: UTF-8 and marked UTF-16/32 as they are, anything else by a guess that is shown to a person."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from contracts.errors import DocumentRefused

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")
_WESTERN = frozenset("äöüÄÖÜßéèêëàâáãåæçîïíìôóòõøœùûúñÿÉÈÊÀÂÁÇÎÍÔÓØÅÆÑÚ€£§°–—‘’“”„‚…•«»½¼¾²³¹©®™·¿¡×±µ\u00a0")
_LIKELY = ("cp1252", "latin_1", "iso8859_15", "cp1250", "cp1251", "cp1253", "cp1254", "mac_roman", "cp437", "cp850",
           "big5", "gb18030", "shift_jis", "euc_jp", "euc_kr", "koi8_r")  # fmt: skip
_AS_UTF8 = "save it as UTF-8 and add it again"


def looks_like_utf16(data: bytes) -> bool:
    """Marked as UTF-16 or UTF-32 by its first bytes?"""
    return any(data.startswith(bom) for bom, name in _BOMS if name != "utf-8-sig")


def decode(data: bytes, source: str, declared: str = "") -> tuple[str, tuple[str, ...]]:
    """Text with ``\\n`` line ends, and notices for a person. ``declared``: what an HTML page says of itself.

    Raises DocumentRefused if no encoding fits or the text holds control characters.
    """
    text, notices = _decode(data, source, declared)
    if _CONTROL.search(text):
        raise DocumentRefused(f"{source}: holds control characters, so it is not plain text; {_AS_UTF8}")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n").removeprefix("\ufeff"), notices


def _decode(data: bytes, source: str, declared: str) -> tuple[str, tuple[str, ...]]:
    for bom, name in _BOMS:
        if data.startswith(bom):
            return _strict(data, name, source), ()
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError as error:
        start = error.start
    if declared:
        try:
            return data.decode(declared), ()
        except (LookupError, UnicodeDecodeError):
            pass
    if (western := _western(data)) is not None:
        return western, (_look(western, "cp1252", data[:start]),)
    guess = from_bytes(data, cp_isolation=list(_LIKELY)).best()
    if guess is None:
        line = data.count(b"\n", 0, start) + 1
        raise DocumentRefused(
            f"{source}: line {line} is not UTF-8 (byte 0x{data[start]:02x}) and no other encoding fits; {_AS_UTF8}"
        )
    return str(guess), (_look(str(guess), guess.encoding, data[:start]),)


def _western(data: bytes) -> str | None:
    """The text as Windows-1252, by far the most common here, if its signs are those that people write."""
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return None
    foreign = [one for one in text if one > "\x7f"]
    return text if sum(one in _WESTERN for one in foreign) >= 0.95 * len(foreign) else None


def _look(text: str, encoding: str, before: bytes) -> str:
    at = len(before.decode(encoding, errors="replace"))
    sample = " ".join(text[max(0, at - 20) : at + 20].split())
    return f"was not UTF-8 and has been read as {encoding}: look whether {sample!r} is right"


def _strict(data: bytes, name: str, source: str) -> str:
    try:
        return data.decode(name)
    except UnicodeDecodeError as error:
        raise DocumentRefused(f"{source}: is marked as {name} but damaged (byte {error.start}); {_AS_UTF8}") from error
