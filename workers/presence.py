"""Whether a worker is there, and if not, since when and until when. Pure; the clock is an argument.

::

    there ──lost──► away ──────────────────────back──► there
                     │ since          expected │
                     └─── as long as the last time ───┘     late: as long again as it is late already
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from contracts.worker import Absence


@dataclass(slots=True)
class Attendance:
    """One worker's comings and goings. ``usual_s``: how long its last start or replacement took."""

    usual_s: float = 0.0
    since: float | None = None
    vain: bool = False
    """The last attempt at a replacement failed: nobody knows when there will be one."""

    def left(self, now: float) -> None:
        """Its process is gone or given up, or has not been there yet; harmless twice."""
        if self.since is None:
            self.since, self.vain = now, False

    def failed(self) -> None:
        """A replacement could not be started."""
        self.vain = True

    def came(self, now: float) -> None:
        """It takes requests."""
        if self.since is not None:
            self.usual_s = now - self.since
        self.since, self.vain = None, False

    def absence(self, now: float) -> Absence | None:
        """None while it is there."""
        if self.since is None:
            return None
        if self.vain:
            return Absence(self.since, math.inf)
        expected = self.since + self.usual_s
        return Absence(self.since, expected if expected > now else now + (now - expected))
