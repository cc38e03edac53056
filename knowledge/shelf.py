"""The releases that are ready to answer, and which of them is live. Swapping that is one assignment."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import structlog

from contracts.errors import ReleaseUnknown
from knowledge import snapshotfile, snapshotprocess
from knowledge.releases import ReleaseStore
from knowledge.settings import NameSettings, ReleaseSettings
from knowledge.snapshot import Snapshot, SnapshotUnusable
from knowledge.store import DocumentStore

log = structlog.get_logger(__name__)


class Shelf:
    """Open snapshots by number. Thread-safe: readers take what is there, one writer at a time changes it."""

    def __init__(
        self,
        store: DocumentStore,
        releases: ReleaseStore,
        folder: Path,
        fingerprint: str,
        settings: ReleaseSettings,
        names: NameSettings | None = None,
    ) -> None:
        self._store = store
        self._releases = releases
        self.folder = folder
        self._fingerprint = fingerprint
        self._settings = settings
        self._names = names
        self._ready: dict[int, Snapshot] = {}
        self._live: Snapshot | None = None
        self._writer = threading.RLock()

    @property
    def live(self) -> Snapshot | None:
        """What callers are answered from."""
        return self._live

    def kept(self) -> list[int]:
        """Numbers of the releases that must be ready."""
        return self._releases.kept(self._settings.keep)

    def open(self) -> None:
        """Open the live release, made again if its file does not hold."""
        number = self._releases.live()
        if number is not None:
            self._live = self.prepare(number, check=True)
        self.tidy()

    def get(self, number: int) -> Snapshot:
        """A release that is ready; it is opened, and if need be made, on first use. Raises ReleaseUnknown."""
        found = self._ready.get(number)
        if found is not None:
            return found
        if number not in self.kept():
            raise ReleaseUnknown(
                f"release {snapshotfile.release_name(number)} is not ready to answer any more; ask the live one"
            )
        return self.prepare(number)

    def prepare(self, number: int, *, check: bool = False, again: bool = False) -> Snapshot:
        """Open a release, making its file where it is missing, damaged or (``again``) doubted.

        Raises ReleaseUnknown, DeviceFull.
        """
        found = self._ready.get(number)
        if found is not None and not again:
            return found
        digest = self._releases.digest(number)
        try:
            if again:
                raise SnapshotUnusable("asked to")
            found = self._opened(number, digest)
            if check:
                found.check()
        except SnapshotUnusable as error:
            if check or again:
                log.warning("release file unusable; it is written again from SQL", why=str(error))
            with self._writer:
                snapshotprocess.build(
                    self._store, number, digest, self.folder, self._fingerprint, self._settings.apart_passages
                )
                found = self._opened(number, digest)
        found.warm()
        gc.freeze()  # a release's tens of thousands of names live long; looking through them stops every search
        self._ready[number] = found
        if self._live is not None and self._live.release == number:
            self._live = found
        return found

    def _opened(self, number: int, digest: str) -> Snapshot:
        return Snapshot(snapshotfile.path_of(self.folder, number), number, digest, self._names)

    def swap(self, number: int) -> None:
        """Callers are answered from this release from now on; searches that have begun finish on theirs."""
        self._live = self._ready[number]

    def complete(self) -> None:
        """Write the vectors again of releases that were made before all vectors were."""
        for number, snapshot in list(self._ready.items()):
            if not snapshot.complete:
                with self._writer:
                    if number in self._ready:
                        snapshotprocess.write_vectors(
                            self._store, number, self.folder, self._fingerprint, self._settings.apart_passages
                        )
                        found = self._opened(number, snapshot.digest)
                        found.warm()
                        self._ready[number] = found
                        if self._live is snapshot:
                            self._live = found

    def tidy(self) -> None:
        """Forget releases that need not be ready, and delete their files."""
        if not self._writer.acquire(blocking=False):
            return  # a release is being written; whoever does that tidies up afterwards
        try:
            keep = set(self.kept())
            for number in self._ready.keys() - keep:
                self._ready.pop(number, None)
            snapshotfile.remove(self.folder, keep)
        finally:
            self._writer.release()
