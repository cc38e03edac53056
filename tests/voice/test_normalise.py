"""Figures and short forms spoken as a person on the telephone would say them."""

from __future__ import annotations

import pytest

from voice.normalise import normalise


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("$1,234.56", "one thousand two hundred thirty-four dollars and fifty-six cents"),
        ("€1.234,56", "one thousand two hundred thirty-four euros and fifty-six cents"),
        ("50€", "fifty euros"),
        ("50 USD or 20 EUR", "fifty U S dollars or twenty euros"),
        ("£2.01", "two pounds and one penny"),
        ("C$50", "fifty Canadian dollars"),
        ("50¢", "fifty cents"),
        ("$25.00/mo.", "twenty-five dollars per month."),
        ("$3bn", "three billion dollars"),
        ("$10k", "ten thousand dollars"),
        ("$5-10", "five to ten dollars"),
    ],
)
def test_money(written: str, spoken: str) -> None:
    assert normalise(written).text == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("2026-03-05", "March fifth, twenty twenty-six"),
        ("5 March 2026", "March fifth, twenty twenty-six"),
        ("in May 2025.", "in May twenty twenty-five."),
        ("due 3/5", "due March fifth"),
        ("on Monday 3/5", "on Monday March fifth"),
        ("the 1990s", "the nineteen nineties"),
        ("2024-2025", "twenty twenty-four to twenty twenty-five"),
        ("mid-2024", "mid twenty twenty-four"),
        ("Mon–Fri 9–5", "Monday to Friday nine to five"),
        ("Sat. & Sun.", "Saturday and Sunday."),
        ("The cat sat in the Sun.", "The cat sat in the Sun."),
        ("9 a.m.–6 p.m.", "nine A M to six P M."),
        ("9 AM to 6 PM", "nine A M to six P M"),
        ("9 a.m. ET", "nine A M Eastern time"),
        ("14:30", "two thirty P M"),
        ("00:15", "twelve fifteen A M"),
        ("09:00–17:00", "nine A M to five P M"),
        ("7:05", "seven oh five"),
    ],
)
def test_dates_and_times(written: str, spoken: str) -> None:
    assert normalise(written).text == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("your card ending in 4821.", "your card ending in four eight two one."),
        ("account ending with 0071", "account ending with zero zero seven one"),
        ("xxxx-4821", "four eight two one"),
        ("4111-1111-1111-1111", "four one one one, one one one one, one one one one, one one one one"),
        ("123-45-6789", "one two three, four five, six seven eight nine"),
        ("94105-1234", "nine four one zero five, one two three four"),
        ("routing number 021000021", "routing number zero two one zero zero zero zero two one"),
        ("reference AB1234", "reference A B one two three four"),
        ("code A7K-29Q", "code A seven K, two nine Q"),
        ("form W-2 or 1099-INT", "form W two or ten ninety-nine I N T"),
        ("401(k)", "four oh one K"),
        ("+44 20 7946 0958", "four four, two zero, seven nine four six, zero nine five eight"),
        ("555-123-4567 ext. 22", "five five five, one two three, four five six seven extension two two"),
        ("007", "zero zero seven"),
    ],
)
def test_numbers_that_name_something_are_read_digit_by_digit(written: str, spoken: str) -> None:
    assert normalise(written).text == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("1 1/2 years", "one and a half years"),
        ("2½", "two and a half"),
        ("1/8", "one eighth"),
        ("+5%, -2%", "plus five percent, minus two percent"),
        ("takes 2 to 3.", "takes two to three."),
        ("100000", "one hundred thousand"),
        ("5GB", "five gigabytes"),
        ("1 yr, 6 mos, 3 hrs", "one year, six months, three hours"),
        ("2-3 hrs", "two to three hours"),
        ("70°F", "seventy degrees Fahrenheit"),
        ("≥ 10", "at least ten"),
        ("<5 days", "less than five days"),
        ("-5", "minus five"),
        (".5", "point five"),
        ("3x", "three times"),
        ("18+", "eighteen or more"),
        ("10-15 business days", "ten to fifteen business days"),
    ],
)
def test_quantities(written: str, spoken: str) -> None:
    assert normalise(written).text == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("ATMs, your PIN and the APR", "A T Ms, your PIN and the A P R"),
        ("St. Mary's, 5th Ave.", "Saint Mary's, fifth avenue"),
        ("Acme Inc. and/or AT&T", "Acme incorporated and or A T and T"),
        ("w/o he/she", "without he or she"),
        ("john_doe99@mail.co.uk", "john underscore doe nine nine at mail dot co dot uk"),
        ("https://larkfield.com/help.", "larkfield dot com slash help."),
        ("2.15% APY*", "two point one five percent A P Y"),
        ("Visa™ is ok", "Visa is okay"),
        ("NASA and U.S. rules", "NASA and U S rules"),
    ],
)
def test_letters_names_and_addresses(written: str, spoken: str) -> None:
    assert normalise(written).text == spoken


def test_a_rule_keeps_the_written_words_it_stands_for() -> None:
    tokens = normalise("It is due on March 5, 2025, and costs $12.").tokens
    assert [token.written for token in tokens] == ["It", "is", "due", "on", "March 5, 2025,", "and", "costs", "$12."]
