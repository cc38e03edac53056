"""What a person said to a caller, and what was suggested to them, is redacted and erased like the caller's words."""

from __future__ import annotations

import zipfile
from pathlib import Path

from contracts.events import Event, EventKind
from operations.callerfile import CallerFile, Folders
from operations.callers import find_caller
from operations.database import migrate, open_database
from operations.erasing import Class, Eraser
from operations.records import Records
from operations.redacting import Redactor
from operations.transcript import render_call
from tests.operations.kit import call_events, keep


def said(text: str, kind: EventKind = EventKind.TURN_PERSON) -> Event:
    return Event(kind, "call-1", {"text": text, "by": "sofia"}, 1)


def test_a_number_read_out_in_two_turns_goes_and_the_callers_digits_are_followed_apart() -> None:
    redactor = Redactor()
    texts = [
        redactor.body_of(event)["text"]
        for event in (
            said("it is four one one one one one one one"),
            said("five six", EventKind.TURN_CALLER),
            said("one one one one two two two two"),
        )
    ]
    assert texts[0] == "it is four one one one one one one one", "eight digits are no number yet"
    assert texts[1] == "five six"
    assert "two" not in texts[2]


def test_what_was_taken_out_of_a_turn_is_taken_out_of_what_repeats_it() -> None:
    redactor = Redactor()
    turns = ["it's four one one one, five six seven eight", "one, two, three, four", "2222", "thanks"]
    kept = []
    for turn, text in enumerate(turns, 1):
        said_now = Event(EventKind.TURN_CALLER, "call-1", {"text": text}, turn)
        asked = Event(EventKind.CASCADE_DECIDED, "call-1", {"asked": text.upper(), "passage_ids": ["2222"]}, turn)
        kept.append((redactor.body_of(said_now)["text"], redactor.body_of(asked)))
    assert [text for text, _ in kept[1:]] == ["[card]", "[card]", "thanks"]
    assert [asked["asked"] for _, asked in kept[1:]] == ["[card]", "[card]", "THANKS"]
    assert kept[2][1]["passage_ids"] == ["2222"], "identifiers stay"
    misheard = Event(EventKind.TURN_CALLER, "call-2", {"text": "Sure, it's 3499, 8632 for the free, 86283."}, 1)
    assert redactor.body_of(misheard)["text"] == "Sure, it's [number]."
    asked = Event(EventKind.CASCADE_DECIDED, "call-2", {"asked": "it's 3499, 8632 for the free, 86283."}, 1)
    assert redactor.body_of(asked)["asked"] == "it's [number]."
    heard = "my card is 4400 3388 1234 to 08, 2,422, thank you."  # its beginning alone is a number as well
    said_now = Event(EventKind.TURN_CALLER, "call-4", {"text": heard}, 1)
    asked = Event(EventKind.CASCADE_DECIDED, "call-4", {"asked": heard}, 1)
    assert redactor.body_of(said_now)["text"] == redactor.body_of(asked)["asked"] == "my card is [number], thank you."
    other = Event(EventKind.CASCADE_DECIDED, "call-3", {"asked": "2222"}, 1)
    assert redactor.body_of(other)["asked"] == "2222", "of that call only"


def test_the_number_to_call_in_a_suggested_document_stays_and_the_callers_own_goes() -> None:
    passages = [{"title": "Lost cards", "quote": "Call +1 800 555 0199 at any hour."}]
    body = {"asked": "my card 4111 1111 1111 1111 is lost", "passages": passages}
    kept = Redactor().body_of(Event(EventKind.DESK_SUGGESTED, "call-1", body, 1))
    assert kept["passages"] == passages
    assert "4111" not in kept["asked"]


def test_their_words_go_with_the_transcript(tmp_path: Path) -> None:
    engine = open_database("sqlite:///record.db", tmp_path)
    migrate(engine)
    shown = Event(EventKind.DESK_SUGGESTED, "call-1", {"asked": "the zebra fee", "passages": []}, 1)
    keep(engine, tmp_path / "spool", [*call_events()[:-1], said("our zebra fee is low"), shown, call_events()[-1]])
    record = Records(engine).get_call("call-1")
    assert "our zebra fee is low" in "\n".join(render_call(record))
    with (tmp_path / "caller.zip").open("w+b") as file:
        CallerFile(engine, Folders.under(tmp_path)).write_zip(find_caller(engine, "+15550100"), file)
    with zipfile.ZipFile(tmp_path / "caller.zip") as archive:
        assert "person    our zebra fee is low" in archive.read("transcripts/call-1.txt").decode()
    done = Eraser(engine, tmp_path / "recordings").forget(["call-1"], "test", "asked for")
    assert {one.what: one.left for one in done}[Class.TRANSCRIPTS] == 0
    engine.dispose()
    for path in tmp_path.glob("record.db*"):
        assert b"zebra" not in path.read_bytes()
