"""Many calls' resampling in one matrix product, because 200 small filters cost ten times what one large one does.

::

    call 1  |== kept ==|--- 20 ms ---|  ┐
    call 2  |== kept ==|--- 20 ms ---|  ├ rows × the filter as a banded matrix = 20 ms of each call at the other rate
    call 2  |== kept ==|--- next 20 -|  ┘        one product for each pair of rates

Measured on one core: 18 µs for each call and beat, both ways, one by one; 1.5 µs together with 49 others.
"""

from __future__ import annotations

import numpy as np

from telephony.resample import StreamResampler, to_bytes


class ResamplerBatch:
    """What is to be converted in this beat. ``add`` each call's piece, ``run``, then ``take`` from each resampler.

    The resamplers' streams go on as if each piece had been given to ``process``.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[int, int, int], list[bytes]] = {}
        self._pieces: dict[tuple[int, int, int], list[tuple[StreamResampler, int]]] = {}
        self._alone: dict[StreamResampler, bytes] = {}
        self._done: dict[StreamResampler, bytes] = {}

    def add(self, resampler: StreamResampler, pcm: bytes) -> None:
        """The next piece of this stream, of any length; one for each stream and run."""
        rows = resampler.rows(pcm)
        if rows is None:
            self._alone[resampler] = resampler.process(pcm)
            return
        rates = resampler.rates
        if rates not in self._rows:
            self._rows[rates], self._pieces[rates] = [], []
        self._rows[rates] += rows
        self._pieces[rates].append((resampler, len(rows)))

    def run(self) -> None:
        """Convert all that was added; what nobody took of the run before is gone."""
        self._done, self._alone = self._alone, {}
        for rates, rows in self._rows.items():
            if rows:
                self._convert(rows, self._pieces[rates], rates[2])
                rows.clear()
                self._pieces[rates].clear()

    def take(self, resampler: StreamResampler) -> bytes:
        """What became of this stream's piece; empty if there was none."""
        return self._done.pop(resampler, b"")

    def _convert(self, rows: list[bytes], pieces: list[tuple[StreamResampler, int]], channels: int) -> None:
        samples = np.frombuffer(b"".join(rows), dtype="<i2").astype(np.float32)
        if channels > 1:
            samples = samples.reshape(-1, channels).mean(axis=1)
        out = samples.reshape(len(rows), -1) @ pieces[0][0].matrix()
        pcm = to_bytes(out)
        size, at = 2 * out.shape[1], 0
        for resampler, count in pieces:
            self._done[resampler] = pcm[at : at + count * size]
            at += count * size
