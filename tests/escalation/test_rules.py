"""The shipped rules: who gets a person, who does not, and what a wrong rule file says."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import ConfigError
from contracts.handoff import Reason
from escalation.rules import Action, RuleBook, TurnFacts

RULES = Path(__file__).parents[2] / "configs" / "rules.yaml"
BOOK = RuleBook.load(RULES)

ASKS = """human
Agent.
Operator!
representative please
Real person.
customer service
Supervisor, please
a human, please
Agent, agent, agent
speak to someone
talk to somebody
Can I talk to a human?
Can I speak to a person please?
I want to talk to a person.
I'd like to speak with a representative.
I would like to speak to an agent
I need to talk to somebody
May I speak with an operator?
Let me talk to a human being
Let me speak to your supervisor
I want a human
I need a real person
I need an agent
I'd rather have a person
I'd prefer to talk to a real human
Just give me a human
Give me an operator
Get me a person
Get me a representative now
Connect me to an agent
Connect me with a live agent please
Transfer me to a human
Transfer me to customer service
Could you put me through to someone
Put me through to an operator
Can you connect me with somebody
Can you get me a real person
Please pass me to a human agent
Is there a real person I can talk to?
Is there someone I can speak with
Is anyone real there?
Are there any humans, or can I talk to a person
How do I reach a human?
How can I get a live person
Why can't I talk to a person?
Why don't you let me speak to a human?
I don't want to talk to a machine
I don't want to speak with a robot
I'm tired of talking to a robot
I do not want to talk to you, I want a person
No. I want to speak to a human.
No, I want a human
I don't understand get me a human
I don't want an appointment, I want a human
I want to speak to a human about my appointment
I'm not a robot, give me a human
Can I have a live operator?
Could I get a manager, please?
I want to speek to a reprasentative
oparator please
can i talk to a humen
I want to talk to a persen
speak to a representitive
get me some one real
can i talk to some body
I'd like to talk to an opperator
agents please
connect me to a representive
I asked for an agent
I'm looking for a real person
I want to talk to customer support
I need customer service
talk to a banker now please
send me to an agent
hand me over to a person""".splitlines()

ORDINARY = """What is my account balance?
I'd like to know the balance of my checking account
Can you tell me how much money I have in savings
hi linda my name is robert i was wondering what your local branch hours are
What time do you open on Saturday?
When does the downtown branch close
I would like to order checks
How much does a box of checks cost
I need to order a new checkbook
I want to pay a bill
Can you pay my electric bill from my checking account
How do I pay my phone bill
I lost my debit card, can you send me a new one
I need to replace my card, someone stole it
My card was damaged, I need a replacement
How long does a replacement card take
I forgot my password
I need to reset my password for online banking
Can you reset my PIN
Hi, I would like to schedule an appointment
I'd like to make an appointment for Monday at eleven
I want to talk to a banker to schedule an appointment
I would like to make an appointment with a representative
Can I book a meeting with an advisor next week
I want to set up a time to talk to someone about a mortgage
I need an appointment to speak with a manager about a loan
I would like to transfer money between my accounts
Transfer one hundred and thirty five dollars from savings to checking
I want to send money to another person
Can I send money to someone in another country
Can you transfer my money to my son
Are you a human?
Are you a real person?
Are you an agent?
Am I talking to a human?
Am I speaking with a real person or a robot
Is this a machine?
Is this a real person?
You sound like a real human
I don't need a human
I don't need an agent, thank you
I don't want to talk to a person
No need for a representative
I'd rather not speak to a person
You don't need to transfer me to an agent
I'm not asking for an operator
A representative told me that my card was on its way
The agent I spoke with yesterday was very nice
I talked to an operator last week
Does each person need an ID
How do I add a person to my account
What is the daily limit per person
Do I have to come in person
Someone stole my wallet
Somebody used the ATM before me
Can someone else use my card
What are your customer service hours
What's the phone number of customer service
My personal account
Can I open a personal account
What is the fee for an overdraft
I have an urgent payment
How do I pay my real estate agent
My insurance agent wants a statement
What's the name of the branch manager
Thank you, that's all I needed
No thank you
Yes
Goodbye
I need a statement for the last month
Can I get a person's account number
What does the operator of the ATM charge
How do I become an authorized representative for my mother
My phone is going to die
I'm dying to know my balance
How do I kill a standing order
What happens if I'm late with a payment
Is there a fee for wire transfers
How do I report a lost card""".splitlines()


@pytest.mark.parametrize("text", ASKS)
def test_who_asks_for_a_person_gets_one(text: str) -> None:
    firing = BOOK.evaluate(TurnFacts(text=text))
    assert firing is not None
    assert firing.reason is Reason.PERSON_REQUESTED
    assert firing.evidence
    assert firing.say


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_bank_requests_stay_with_the_operator(text: str) -> None:
    assert BOOK.evaluate(TurnFacts(text=text)) is None


def test_there_are_sixty_phrasings_each_way() -> None:
    assert len(set(ASKS)) >= 60
    assert len(set(ORDINARY)) >= 60


def test_every_example_beside_a_rule_does_what_it_says() -> None:
    assert BOOK.check_examples() == []


def test_key_zero_reaches_a_person_and_other_keys_do_not() -> None:
    firing = BOOK.evaluate(TurnFacts(dtmf="0"))
    assert firing is not None
    assert firing.evidence == "key 0"
    assert [BOOK.evaluate(TurnFacts(dtmf=key)) for key in "123456789*#"] == [None] * 11


def test_yes_counts_only_after_an_offer() -> None:
    assert BOOK.evaluate(TurnFacts(text="Yes, please.")) is None
    firing = BOOK.evaluate(TurnFacts(text="Yes, please.", offered_person=True))
    assert firing is not None
    assert firing.reason is Reason.OFFER_ACCEPTED
    assert BOOK.evaluate(TurnFacts(text="No thanks.", offered_person=True)) is None


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (TurnFacts(no_match=3), Reason.NO_MATCH),
        (TurnFacts(low_confidence_run=3), Reason.POOR_RECOGNITION),
        (TurnFacts(no_evidence_run=3), Reason.NO_EVIDENCE),
        (TurnFacts(gate_rejections=3), Reason.NOT_GROUNDED),
        (TurnFacts(repeated_answer=2), Reason.REPEATED_ANSWER),
        (TurnFacts(deadlines_missed=2), Reason.DEADLINE_MISSED),
        (TurnFacts(worker_down=True), Reason.WORKER_DOWN),
    ],
)
def test_counts_that_reach_their_limit_fire(facts: TurnFacts, reason: Reason) -> None:
    firing = BOOK.evaluate(facts)
    assert firing is not None
    assert firing.reason is reason
    assert firing.action is Action.TRANSFER


def test_silence_ends_the_call_rather_than_ringing_a_person() -> None:
    assert BOOK.evaluate(TurnFacts(no_input=2)) is None
    firing = BOOK.evaluate(TurnFacts(no_input=3))
    assert firing is not None
    assert firing.action is Action.END


def test_danger_comes_before_a_request_for_a_person() -> None:
    firing = BOOK.evaluate(TurnFacts(text="I want to kill myself, let me talk to a human"))
    assert firing is not None
    assert firing.reason is Reason.DANGER


def test_nothing_said_fires_nothing() -> None:
    assert BOOK.evaluate(TurnFacts()) is None
    assert BOOK.evaluate(TurnFacts(text="...", offered_person=True)) is None


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(text, "utf-8")
    return path


GOOD = """version: 1
words: {person: [human]}
rules:
  - id: one
    reason: other
    priority: 1
    when: {phrases: [talk to a <person>]}
    say: Hello.
"""


def test_an_unknown_key_is_named_with_line_and_nearest_name(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("priority:", "priorty:"))
    with pytest.raises(ConfigError, match=r"rules\.yaml:6: unknown key 'rules\.0\.priorty'; did you mean 'priority'"):
        RuleBook.load(path)


def test_an_unknown_reason_is_named_with_line_and_nearest_value(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("reason: other", "reason: dangr"))
    with pytest.raises(ConfigError, match=r"rules\.yaml:5:.*did you mean 'danger'"):
        RuleBook.load(path)


@pytest.mark.parametrize("phrase", ["talk to (a|b", "hello <nobody>", "so much [x]"])
def test_an_unreadable_phrase_is_named_with_its_line(tmp_path: Path, phrase: str) -> None:
    path = write(tmp_path, GOOD.replace("[talk to a <person>]", f'["{phrase}"]'))
    with pytest.raises(ConfigError, match=r"rules\.yaml:7: phrase"):
        RuleBook.load(path)


def test_a_rule_without_a_condition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a condition"):
        RuleBook.load(write(tmp_path, GOOD.replace("{phrases: [talk to a <person>]}", "{}")))


def test_two_rules_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two rules"):
        RuleBook.load(write(tmp_path, GOOD + GOOD[GOOD.index("  - id") :]))


def test_what_a_crisis_is_told_names_the_numbers_of_the_place_where_callers_are(tmp_path: Path) -> None:
    shipped = RULES.read_text()

    def told(locale: str) -> str:
        book = RuleBook.load(write(tmp_path, shipped.replace("locale: elsewhere", f"locale: {locale}")))
        firing = book.evaluate(TurnFacts(text="I want to kill myself"))
        assert firing is not None
        assert "{" not in " ".join(text for rule in book.rules for text in (rule.say, rule.alone))
        return f"{firing.say} {firing.alone}"

    assert "call your local emergency number or a crisis line" in told("elsewhere")
    assert "call nine nine nine or the Samaritans, one one six, one two three" in told("GB")
    assert "call one one two or a crisis line" in told("EU")


def test_a_place_or_a_name_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="locale 'GB' is not under `local`; there are: none"):
        RuleBook.load(write(tmp_path, f"locale: GB\n{GOOD}"))
    with pytest.raises(ConfigError, match=r"says {emergency}, which `local` does not name for 'elsewhere'"):
        RuleBook.load(write(tmp_path, GOOD.replace("Hello", "Call {emergency}")))


def test_a_changed_rule_changes_the_digest(tmp_path: Path) -> None:
    first = RuleBook.load(write(tmp_path, GOOD))
    assert RuleBook.load(write(tmp_path, GOOD)).digest == first.digest
    assert RuleBook.load(write(tmp_path, GOOD.replace("Hello", "Hi"))).digest != first.digest


@pytest.mark.parametrize(
    "text",
    [
        "That will be all. Thank you.",
        "That's all, thanks.",
        "That was going to be it.",
        "That'll be it.",
        "Yes, that will be all.",
    ],
)
def test_being_finished_is_not_accepting_the_offer_of_a_person(text: str) -> None:
    from escalation.offers import answer_to_offer

    assert answer_to_offer(text) is False


@pytest.mark.parametrize(
    "text",
    [
        "I would like to schedule an appointment.",
        "Yes, I need to order some checks.",
        "Okay, is there a foreign transaction fee?",
        "Great. Do you open on Saturdays?",
    ],
)
def test_the_next_question_is_not_accepting_the_offer_of_a_person(text: str) -> None:
    from escalation.offers import answer_to_offer

    assert answer_to_offer(text) is None


@pytest.mark.parametrize(
    "text", ["I would like that.", "Yes, I'd like to speak to someone.", "Sure, I want to be connected."]
)
def test_a_wish_for_a_person_accepts_the_offer(text: str) -> None:
    from escalation.offers import answer_to_offer

    assert answer_to_offer(text) is True
