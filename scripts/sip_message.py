"""SIP messages as far as a caller of the benchmarks needs them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Message:
    """A SIP message as far as it is needed. ``headers`` by lower-case name, repeated ones joined by newlines."""

    start: str
    headers: dict[str, str]
    body: str

    @classmethod
    def parse(cls, data: bytes) -> Message:
        """Raises ValueError for what is no SIP message."""
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        if "SIP/2.0" not in start:
            raise ValueError(f"not SIP: {start[:40]!r}")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            key, value = name.strip().lower(), value.strip()
            headers[key] = f"{headers[key]}\n{value}" if key in headers else value
        return cls(start, headers, body)

    @property
    def status(self) -> int:
        """Of a response; 0 for a request."""
        return int(self.start.split(" ", 2)[1]) if self.start.startswith("SIP/") else 0

    @property
    def method(self) -> str:
        """Of a request, or of the request that a response answers."""
        return self.headers.get("cseq", " ").split()[-1] if self.status else self.start.split(" ", 1)[0]


def audio_port(body: str) -> int:
    """The port of the first audio stream in SDP; 0 if there is none."""
    lines = (line.split() for line in body.splitlines() if line.startswith("m=audio "))
    return next((int(line[1]) for line in lines), 0)
