from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from knowledge.passages import PassageText, content_digest, plain, sentences, split_passages
from knowledge.settings import PassageSettings

DEFAULT = PassageSettings()


def split(body: str, title: str = "T", settings: PassageSettings = DEFAULT) -> list[PassageText]:
    return split_passages(body, title, settings)


def fact(number: int) -> str:
    return f"This is plain sentence number {number} of a long document about nothing at all."


def test_sentences_do_not_end_at_times_initials_or_abbreviations() -> None:
    text = "We open at 9 a.m. on Monday. At 5 p.m. Friday we close. Ask Mr. Brown, e.g. by mail. P. O. Box 9 is ours."
    assert sentences(text) == [
        "We open at 9 a.m. on Monday.",
        "At 5 p.m. Friday we close.",
        "Ask Mr. Brown, e.g. by mail.",
        "P. O. Box 9 is ours.",
    ]
    assert sentences("It closes at 6 p.m. The door stays open.") == ["It closes at 6 p.m.", "The door stays open."]
    assert sentences('He said "Stop!" Then 3.5 percent. 4 more came…') == [
        'He said "Stop!"',
        "Then 3.5 percent.",
        "4 more came…",
    ]


def test_passages_hold_whole_sentences_within_the_limits() -> None:
    passages = split("\n\n".join(fact(number) for number in range(40)))
    assert len(passages) > 3
    for passage in passages:
        assert all(one.endswith("at all.") for one in sentences(passage.text))
        assert len(passage.text.split()) <= DEFAULT.max_words
    for passage in passages[:-1]:
        assert len(passage.text.split()) >= DEFAULT.target_words
    assert [passage.position for passage in passages] == list(range(len(passages)))


def test_headings_make_a_path_without_the_title() -> None:
    long = " ".join(fact(number) for number in range(3))
    body = f"# T\n\n{long}\n\n## Fees\n\n{long}\n\n### Cards #\n\n{long}\n\nHours\n-----\n\n{long}"
    assert [passage.heading for passage in split(body)] == ["", "Fees", "Fees › Cards", "Hours"]


def test_a_list_stays_with_the_sentence_that_introduces_it() -> None:
    body = (
        "Something else first. " * 3 + "\n\nPlease bring:\n\n- a photo ID\n- your card;\n  the plastic one\n1. a pen!\n"
    )
    (passage,) = split(body)
    assert passage.text.endswith("Please bring:\na photo ID.\nyour card; the plastic one.\na pen!")


def test_a_long_list_is_split_with_its_lead_in_repeated() -> None:
    body = "You need all of these:\n" + "\n".join(f"- {fact(number)}" for number in range(30))
    passages = split(body)
    assert len(passages) > 2
    assert all(passage.text.startswith("You need all of these:\n") for passage in passages)
    assert sum(passage.text.count("number 7 of") for passage in passages) == 1


def test_table_rows_become_sentences() -> None:
    body = "| Service | Price |\n| --- | ---: |\n| Money order | 4 dollars |\n| Wire | **25** dollars |\n"
    (passage,) = split(body)
    assert passage.text == "Service: Money order; Price: 4 dollars. Service: Wire; Price: 25 dollars."


def test_a_short_section_joins_the_one_before_with_its_heading() -> None:
    body = f"## A\n\n{' '.join(fact(number) for number in range(3))}\n\n## Sunday\n\nWe are closed."
    (passage,) = split(body)
    assert passage.heading == "A"
    assert passage.text.endswith("\nSunday. We are closed.")


def test_inline_markup_becomes_words() -> None:
    assert plain(
        'See **our** [_price_ list](http://x/y "t"), `code`, ![logo](a.png) <b>now</b> 2*3 \\* snake_case'
    ) == ("See our price list, code, logo now 2*3 * snake_case")


def test_comments_quotes_rules_and_fences_leave_only_their_words() -> None:
    body = "<!-- secret\nnote -->\n> Quoted words.\n\n***\n\n```python\n# not a heading\n```\n"
    (passage,) = split(body)
    assert passage.text == "Quoted words. # not a heading"


def test_text_without_sentences_is_cut_for_the_embedder() -> None:
    passages = split(" ".join(f"word{number}" for number in range(1000)))
    assert max(len(passage.text.split()) for passage in passages) <= 2 * DEFAULT.max_words
    assert sum(len(passage.text.split()) for passage in passages) == 1000


def test_only_headings_make_no_passage() -> None:
    assert split("# T\n\n## Empty\n") == []


def test_the_digest_changes_with_title_heading_and_text_but_not_with_position() -> None:
    base = content_digest("T", PassageText("H", "x", 0))
    assert base == content_digest("T", PassageText("H", "x", 5))
    assert (
        len({base, content_digest("U", PassageText("H", "x", 0)), content_digest("T", PassageText("I", "x", 0))}) == 3
    )


@given(st.text(alphabet="ab .!?\n#-*|>`_[]()1:", max_size=400))
def test_no_text_breaks_the_splitter_and_no_passage_is_blank(body: str) -> None:
    passages = split(body, settings=PassageSettings(target_words=12, max_words=20, min_words=3))
    assert all(passage.text.strip() for passage in passages)
    assert [passage.position for passage in passages] == list(range(len(passages)))
