from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.errors import DocumentUnknown, KnowledgeError
from knowledge import lexical
from knowledge.api import Outcome
from knowledge.documents import read_document
from knowledge.passages import split_passages
from knowledge.settings import PassageSettings, SearchSettings
from knowledge.store import DocumentStore, open_engine
from knowledge.tables import documents, metadata, passages

SEARCH = SearchSettings()
FEES = "# Fees\n\n## Wires\n\nA wire costs 25 dollars.\n\n## Café\n\nCoffee costs 3 dollars in the café.\n"


def opened(home: Path) -> DocumentStore:
    store = DocumentStore(open_engine("sqlite:///knowledge.db", home))
    store.open()
    return store


def put(store: DocumentStore, text: str, source: str = "fees.md") -> Outcome:
    document = read_document(text.encode(), source, max_bytes=1 << 20)
    texts = split_passages(document.body, document.title, PassageSettings(min_words=0, target_words=10, max_words=30))
    return store.put(document, texts, now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)).outcome


def found_by(store: DocumentStore, *terms: str) -> list[str]:
    numbers = store.by_words(terms, SEARCH)
    rows = {row.number: row.passage.text for row in store.fetch(numbers=numbers)}
    return [rows[number] for number in numbers]


def test_a_document_is_added_found_listed_and_removed(tmp_path: Path) -> None:
    store = opened(tmp_path)
    assert put(store, FEES) is Outcome.ADDED
    assert "25 dollars" in found_by(store, "wire")[0]
    (info,) = store.list_documents()
    assert (info.source, info.title, info.passages) == ("fees.md", "Fees", 2)
    assert info.added_at == "2026-01-02T03:04:05+00:00"
    assert store.remove("fees.md").document_id == info.document_id
    assert found_by(store, "wire") == []
    assert store.counts() == (0, 0)
    with pytest.raises(DocumentUnknown, match=r"fees\.md"):
        store.remove("fees.md")


def test_what_was_put_is_there_after_reopening(tmp_path: Path) -> None:
    first = opened(tmp_path)
    put(first, FEES)
    first.close()
    assert len(found_by(opened(tmp_path), "coffee")) == 1


def test_unchanged_documents_and_passages_keep_their_ids(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, FEES)
    before = store.passage_ids()
    assert put(store, FEES) is Outcome.UNCHANGED
    assert put(store, FEES.replace("25", "30")) is Outcome.REPLACED
    after = store.passage_ids()
    assert len(before & after) == 1
    assert len(after) == 2
    assert found_by(store, "25") == []
    assert len(found_by(store, "30")) == 1


def test_words_are_stemmed_and_accents_ignored(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, FEES)
    assert found_by(store, "wires") == found_by(store, "wire")
    assert len(found_by(store, "cafe")) == 1


def test_the_lexical_score_is_high_for_all_words_and_low_when_the_rare_one_is_missing(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for number in range(20):
        put(store, f"# Topic {number}\n\nThe rate of product{number} is {number} percent.\n", f"{number}.md")
    whole = max(store.by_words(("rate", "product3"), SEARCH).values())
    half = max(store.by_words(("rate", "mortgage"), SEARCH).values())
    assert whole > 0.8
    assert half < 0.1
    assert store.by_words(("mortgage",), SEARCH) == {}
    assert store.by_words((), SEARCH) == {}


def test_query_syntax_in_words_is_only_words(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, FEES)
    for term in ('"', "wire*", "NOT", "title:", "a OR b", "(", "^x"):
        store.by_words((term,), SEARCH)


def test_a_broken_transaction_leaves_neither_text_nor_words(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, FEES)
    engine = open_engine("sqlite:///knowledge.db", tmp_path)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TRIGGER no BEFORE INSERT ON passages BEGIN SELECT RAISE(ABORT, 'no'); END"))
    with pytest.raises(sa.exc.IntegrityError):
        put(store, "# New\n\nSomething unheard of is here.\n", "new.md")
    assert found_by(store, "unheard") == []
    assert [info.source for info in store.list_documents()] == ["fees.md"]


def test_a_lost_lexical_index_is_filled_again_on_opening(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, FEES)
    store.close()
    engine = open_engine("sqlite:///knowledge.db", tmp_path)
    with engine.begin() as connection:
        connection.execute(sa.text(f"DROP TABLE {lexical.FTS_TABLE}"))
    engine.dispose()
    assert len(found_by(opened(tmp_path), "wire")) == 1


def test_where_sql_is_not_sqlite_the_lexical_index_lives_in_memory(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, FEES)
    words = lexical.memory_engine()
    engine = open_engine("sqlite:///knowledge.db", tmp_path)
    with engine.connect() as source, words.begin() as connection:
        assert lexical.ensure(connection, source) == 2
        assert len(lexical.search(connection, ("wire",), lexical.WordRarity(), SEARCH)) == 1
        assert lexical.ensure(connection, source) == 0


def test_a_file_that_is_no_database_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "knowledge.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(KnowledgeError, match=r"knowledge\.db") as caught:
        opened(tmp_path)
    assert "\n" not in str(caught.value)


def test_many_threads_read_while_one_writes(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, FEES)
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(30):
                assert found_by(store, "wire")
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        put(store, f"Note {number} is here.", f"{number}.txt")
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_tables_stand_in_one_metadata_for_alembic() -> None:
    assert set(metadata.tables) == {documents.name, passages.name}
