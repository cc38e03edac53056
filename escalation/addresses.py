"""Which SIP addresses are the owner's own places, such as a queue or a desk's telephone: no secrets, and kept readable.

``sip:fraud@pbx.example`` looks like an e-mail address to whoever takes secrets out of text, and so does the address of
a caller at home, which is one. The difference is in the settings; the process that reads them says so once, at start.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

_EXTENSION = re.compile(r"[0-9*#]{1,6}@")
"""Nobody's name and too short for a telephone number."""
_own: frozenset[str] = frozenset()


def know(patterns: Iterable[str]) -> None:
    """These are ours from now on, in this process: SIP addresses, or patterns with * and ? over them."""
    global _own
    _own = frozenset(bare for bare in map(_bare, patterns) if bare.partition("@")[2].strip("*?."))


def is_own(address: str) -> bool:
    """Of ``sip:user@host``: an extension, or known as ours."""
    bare = _bare(address)
    return bool(_EXTENSION.match(bare)) or any(fnmatchcase(bare, one) for one in _own)


def _bare(address: str) -> str:
    """``user@host`` without scheme, port and parameters, in small letters."""
    inside = address.strip().lower().removeprefix("sips:").removeprefix("sip:").partition(";")[0]
    user, _, host = inside.partition("@")
    return f"{user}@{host.partition(':')[0]}"
