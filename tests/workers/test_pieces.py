from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.engines.pieces import StopFilter


def run(chunks: list[bytes], stops: list[str]) -> tuple[list[str], str]:
    stop_filter = StopFilter(stops)
    shown = [text for chunk in chunks for text, _ in stop_filter.feed(chunk, -0.5)]
    return shown + [text for text, _ in stop_filter.finish()], stop_filter.stopped


def test_a_stop_string_over_several_tokens_is_never_shown_in_part() -> None:
    shown, stopped = run([b"Yes.", b" <", b"|im", b"_end|", b"> more"], ["<|im_end|>"])
    assert ("".join(shown), stopped) == ("Yes. ", "<|im_end|>")


def test_text_before_a_stop_inside_one_token_is_shown() -> None:
    assert run([b"five\nUser: x"], ["\nUser:"]) == (["five"], "\nUser:")


def test_what_only_looked_like_a_stop_is_shown_in_the_end() -> None:
    assert run([b"a ", b"<|", b"b"], ["<|im_end|>"]) == (["a ", "<|", "b"], "")
    assert run([b"a ", b"<|"], ["<|im_end|>"]) == (["a ", "<|"], "")


def test_a_character_split_over_tokens_comes_whole_with_both_log_probabilities() -> None:
    stop_filter = StopFilter([])
    assert stop_filter.feed("é".encode()[:1], -1.0) == []
    assert stop_filter.feed("é".encode()[1:], -0.25) == [("é", -1.25)]


@given(
    st.text(alphabet="ab<|>é😀", max_size=30), st.lists(st.integers(1, 4)), st.sampled_from(["<|", "ab", "|>é", "zz"])
)
def test_shown_text_is_what_stands_before_the_first_stop(text: str, cuts: list[int], stop: str) -> None:
    data, chunks, position = text.encode(), list[bytes](), 0
    for cut in [*cuts, len(data) + 1]:
        chunks.append(data[position : position + cut])
        position += cut
    shown, stopped = run(chunks, [stop])
    assert "".join(shown) == text.split(stop)[0]
    assert bool(stopped) == (stop in text)
