"""The vector index: Chroma, embedded and persistent, holding nothing but ids and vectors that we pass in.

It is never the only place where anything stands: whatever is wrong with it raises VectorsUnusable, and the indexer
throws it away and makes it again from SQL. Nobody but the holder of the owner lock may open it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from contracts.errors import KnowledgeError

Vector = NDArray[np.float32]
"""A vector of length 1."""
_COLLECTION = "passages"
_PROBES = 8


class VectorsUnusable(KnowledgeError):
    """The index is missing parts, corrupt, or made by another model; make it again."""


class VectorIndex:
    """An open Chroma collection in cosine space. Not thread-safe; the indexer guards it.

    ``fingerprint`` names the embedding model and the way texts are put together: an index made with another one is
    unusable.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder = folder
        self._fingerprint = fingerprint
        self._opening = folder.with_name(folder.name + ".opening")
        self._client: Any = None
        self._collection: Any = None

    def open(self) -> set[str]:
        """Open or create, try it out, and return the ids it holds. Raises VectorsUnusable.

        A broken index can take the process down with it. The mark left on disk while opening tells the next process
        not to try again.
        """
        if self._opening.exists():
            raise VectorsUnusable("the last process died while opening the vector index")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._opening.touch()
            with self._guard():
                ids = self._open_collection()
            self._opening.unlink()
        except OSError as error:
            raise VectorsUnusable(f"the vector index cannot be opened: {error}") from error
        except VectorsUnusable:
            self._opening.unlink(missing_ok=True)
            self.close()
            self._forget_system()
            raise
        return ids

    def _forget_system(self) -> None:
        """Chroma remembers a system for a folder even if it never started, and would hand it out again."""
        from chromadb.api.shared_system_client import SharedSystemClient

        SharedSystemClient._identifier_to_system.pop(str(self._folder), None)

    def _open_collection(self) -> set[str]:
        import chromadb  # slow to import, and only the owning process needs it
        from chromadb.config import Settings

        settings = cast(Any, Settings)(_env_file=None, anonymized_telemetry=False, chroma_otel_collection_endpoint="")
        self._client = chromadb.PersistentClient(path=str(self._folder), settings=settings)
        self._collection = self._client.get_or_create_collection(
            _COLLECTION,
            embedding_function=None,
            metadata={"fingerprint": self._fingerprint},
            configuration={"hnsw": {"space": "cosine"}},
        )
        made_by = (self._collection.metadata or {}).get("fingerprint")
        if made_by != self._fingerprint:
            raise VectorsUnusable(f"the vector index was made with {made_by}, not {self._fingerprint}")
        ids: list[str] = self._collection.get(include=[])["ids"]
        self._probe(ids)
        return set(ids)

    def _probe(self, ids: Sequence[str]) -> None:
        """Look for some vectors by themselves: lost HNSW files otherwise show only as fewer results."""
        sample = list(dict.fromkeys([*ids[: _PROBES // 2], *ids[-_PROBES // 2 :]]))
        if not sample:
            return
        vectors = self.vectors_of(sample)
        if len(vectors) < len(sample):
            raise VectorsUnusable("the vector index has lost vectors")
        for vector in vectors.values():
            nearest = self.query(vector, min(5, len(ids)))
            if len(nearest) < min(5, len(ids)) or max(nearest.values()) < 0.999:
                raise VectorsUnusable("the vector index does not find its own vectors")

    def query(self, vector: Vector, count: int) -> dict[str, float]:
        """Ids of the nearest passages with their cosine (-1..1), best first. Raises VectorsUnusable."""
        with self._guard():
            found = self._collection.query(query_embeddings=[vector], n_results=count, include=["distances"])
            return {
                str(one): 1.0 - float(distance)
                for one, distance in zip(found["ids"][0], found["distances"][0], strict=True)
            }

    def vectors_of(self, ids: Sequence[str]) -> dict[str, Vector]:
        """The stored vectors of these ids; missing ones are left out. Raises VectorsUnusable."""
        if not ids:
            return {}
        with self._guard():
            found = self._collection.get(ids=list(ids), include=["embeddings"])
            return dict(zip(found["ids"], np.asarray(found["embeddings"], dtype=np.float32), strict=True))

    def upsert(self, vectors: Mapping[str, Vector]) -> None:
        """Enter vectors under their ids. Raises VectorsUnusable, also when the disk is full."""
        if vectors:
            with self._guard():
                self._collection.upsert(ids=list(vectors), embeddings=np.stack(list(vectors.values())))

    def delete(self, ids: Sequence[str]) -> None:
        """Take ids out; unknown ones are ignored. Raises VectorsUnusable."""
        for at in range(0, len(ids), 1000):
            with self._guard():
                self._collection.delete(ids=list(ids[at : at + 1000]))

    def close(self) -> None:
        """Let go of the files; harmless if not open."""
        client, self._client, self._collection = self._client, None, None
        if client is not None:
            client.close()

    def destroy(self) -> None:
        """Close, and delete the folder, or what lies in its place."""
        self.close()
        if self._folder.is_dir() and not self._folder.is_symlink():
            shutil.rmtree(self._folder, ignore_errors=True)
        else:
            self._folder.unlink(missing_ok=True)
        self._opening.unlink(missing_ok=True)

    def _guard(self) -> _ChromaErrors:
        return _ChromaErrors()


class _ChromaErrors:
    """Turns what Chroma raises into VectorsUnusable."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        from chromadb.errors import ChromaError

        if isinstance(error, ChromaError | ValueError | OSError):
            raise VectorsUnusable(f"the vector index failed: {error}") from error
