"""What an answer means: every surprise that people have had with menus in chats."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowengine.messages.asked import Asked, Choice, Expect, Match, Said, means_numbers, read_choice, read_expect
from flowengine.messages.consent import consent
from flowengine.messages.folding import fold
from flowengine.messages.matching import expected_words, match
from flowengine.messages.numbering import shown

THUMB, DOWN, BROWN, KEYCAP = "\U0001f44d", "\U0001f44e", "\U0001f3fd", "\ufe0f\u20e3"
NUMBER = Expect("number", 1, 20)
YES = Choice("yes", labels=["Yes", "Sí"], words=["ok", THUMB], mark="1")
NO = Choice("no", labels=["No"], words=[DOWN], mark="2")
AGENT = Choice("person", words=["agent", "person"], has=["agent", "a person"])
HELP = Choice("help", words=["help"])
TABLES = [Choice("two", labels=["2 people"], mark="a"), Choice("four", labels=["4 people"], mark="b")]
ASKED = Asked([YES, NO], [AGENT, HELP], interrupts={"book": "booking:0"}, tag="k3")


def told(text: str, asked: Asked = ASKED) -> tuple[str, object]:
    found = match(Said(text), asked)
    return found.kind, found.value


@pytest.mark.parametrize(
    "text",
    [
        *("Yes", "yes", "YES.", " yes! ", "> YES", "“Yes”", "sí", "SÍ", "ok", "*yes*"),
        *("1", "1.", "1)", "(1)", "١", "１", "1" + KEYCAP, "1. Yes"),
        *(THUMB, THUMB + BROWN),
    ],
)
def test_ways_to_say_yes(text: str) -> None:
    assert told(text) == ("choice", "yes")


@pytest.mark.parametrize("text", ["no", "NO", "2", "٢", "2" + KEYCAP, DOWN, "> NO"])
def test_ways_to_say_no(text: str) -> None:
    assert told(text) == ("choice", "no")


@pytest.mark.parametrize("text", ["yes please", "3", "maybe", "", "  ", "?", "\U0001f44b", "1 2", "12", "yesno"])
def test_what_says_neither(text: str) -> None:
    assert told(text) == ("invalid", "")


def test_two_is_the_label_that_begins_with_two_not_the_second() -> None:
    asked = Asked(TABLES)
    assert told("2", asked) == ("choice", "two")
    assert told("2 people", asked) == ("choice", "two")
    assert told("4", asked) == ("choice", "four")
    assert told("b", asked) == ("choice", "four")
    assert told("1", asked) == told("24", asked) == ("invalid", "")


def test_a_number_that_begins_two_labels_is_no_guess() -> None:
    times = Asked([Choice("a", ["10:00"]), Choice("b", ["10:30"]), Choice("c", ["11:30"])])
    assert match(Said("10"), times).because == "ambiguous"
    assert told("11", times) == ("choice", "c")
    assert told("10:30", times) == ("choice", "b")
    assert told("1", times) == ("invalid", "")


def test_the_whole_label_comes_before_the_number_it_begins_with() -> None:
    asked = Asked([Choice("exactly", ["2"]), Choice("people", ["2 people"])])
    assert told("2", asked) == ("choice", "exactly")


def test_the_bare_value_is_never_typed() -> None:
    asked = Asked([Choice("opt_7", ["Book"])], [Choice("person", words=["agent"])])
    assert told("opt_7", asked) == told("person", asked) == ("invalid", "")
    assert told("book", asked) == ("choice", "opt_7")


def test_a_key_is_typed_whether_it_is_shown_or_not() -> None:
    asked = Asked([Choice("sales", key="1"), Choice("service", ["Service"], key="9")])
    assert told("1", asked) == ("choice", "sales")
    assert told("9.", asked) == ("choice", "service")
    assert told("2", asked) == ("invalid", "")


def test_the_emoji_of_a_label_need_not_be_typed() -> None:
    asked = Asked([Choice("yes", ["✅ Yes"]), Choice("up", [THUMB]), Choice("down", [DOWN])])
    assert told("yes", asked) == told("✅ Yes", asked) == ("choice", "yes")
    assert told(THUMB + BROWN, asked) == ("choice", "up")
    assert told(DOWN, asked) == ("choice", "down")


def test_words_that_consent_must_leave_alone() -> None:
    words = expected_words(ASKED)
    assert words >= {"yes", "sí", "ok", "1", "agent", "a person", "help", "book"}
    assert not words & {"person:0", "end"}
    assert consent("END", "SMS", words) == "stop"
    assert consent("END", "SMS", expected_words(Asked([Choice("x", ["End."])]))) == ""


def test_two_choices_with_one_word_are_no_guess() -> None:
    asked = Asked([Choice("a", ["Lunch"]), Choice("b", ["Dinner"], words=["lunch"])], expect=[Expect("any")])
    assert match(Said("lunch"), asked).because == "ambiguous"


def test_the_state_comes_before_the_flow_and_the_flow_before_other_flows() -> None:
    asked = Asked([Choice("mine", words=["help"])], [HELP, Choice("wide", words=["book"])], interrupts={"book": "x"})
    assert told("help", asked) == ("choice", "mine")
    assert told("book", asked) == ("flow_choice", "wide")
    assert told("BOOK!") == ("interrupt", "booking:0")
    assert told("I read a book") == ("invalid", "")


@pytest.mark.parametrize("text", ["agent", "can I talk to an agent, please?", "AGENT!!", "give me a person"])
def test_a_word_inside_a_sentence(text: str) -> None:
    assert told(text) == ("flow_choice", "person")


@pytest.mark.parametrize("text", ["agents", "reagent", "I am a nice person", "agency"])
def test_has_means_whole_words_one_after_the_other(text: str) -> None:
    assert told(text) == ("invalid", "")


def test_has_in_a_script_without_spaces() -> None:
    asked = Asked([Choice("book", has=["预订"]), Choice("person", has=["人工"])])
    assert told("我要预订桌子", asked) == ("choice", "book")
    assert match(Said("预订人工"), asked).because == "ambiguous"


def test_two_words_inside_one_sentence_are_no_guess() -> None:
    asked = Asked([Choice("a", has=["sales"]), Choice("b", has=["service"])], expect=[Expect("any")])
    assert match(Said("sales or service?"), asked) == Match("invalid", because="ambiguous")
    assert told("the sales people", asked) == ("choice", "a")
    assert told("who?", asked) == ("answer", "who?")


def test_a_number_in_a_range_chooses() -> None:
    asked = Asked([Choice("small", number=(1, 3)), Choice("large", number=(4, 20))])
    assert told("2", asked) == told("we are 2", asked) == ("choice", "small")
    assert told("20 of us", asked) == ("choice", "large")
    assert told("21", asked) == told("2 or 3", asked) == ("invalid", "")


def test_beside_an_expected_number_lines_are_lettered() -> None:
    options = [{"value": "unsure", "label": "Not sure"}, {"value": "cancel", "label": "Cancel"}]
    lines = shown(options, "SMS", lettered=True)
    asked = Asked([Choice(o["value"], [o["label"]], mark=mark) for mark, o in lines], expect=[NUMBER])
    assert told("2", asked) == ("answer", 2)
    assert told("b", asked) == told("B)", asked) == ("choice", "cancel")


def test_a_number_that_was_shown_wins_over_an_expected_one() -> None:
    asked = replace(ASKED, expect=[NUMBER])
    assert told("2", asked) == ("choice", "no")
    assert told("3", asked) == ("answer", 3)
    assert told("2 people", asked) == ("answer", 2)
    assert told("21", asked) == ("invalid", "")


@pytest.mark.parametrize(
    ("expect", "text", "value"),
    [
        (NUMBER, "2 people", 2),
        (NUMBER, "2,5", 2.5),
        (NUMBER, "0", None),
        (Expect("number"), "-3", -3),
        (Expect("number"), "two", None),
        (Expect("date"), "24/12", "2026-12-24"),
        (Expect("date"), "tomorrow", "2026-11-22"),
        (Expect("date"), "soon", None),
        (Expect("matches", pattern="[A-Z]{2}[0-9]{4}"), " AB1234 ", "AB1234"),
        (Expect("matches", pattern="[A-Z]{2}[0-9]{4}"), "AB12345", None),
        (Expect("matches", pattern="(?i)[a-z]+"), "a\ud800", None),
        (Expect("any"), "Whatever, really!", "Whatever, really!"),
        (Expect("any"), "   ", None),
        (Expect("media"), "no picture", None),
        (Expect("location"), "here", None),
        (Expect("unheard of"), "x", None),
    ],
)
def test_what_is_expected(expect: Expect, text: str, value: object) -> None:
    found = match(Said(text), Asked(expect=[expect], today=date(2026, 11, 21)))
    assert (found.kind, found.value) == (("invalid", "") if value is None else ("answer", value))
    assert type(found.value) is type("" if value is None else value)


def test_any_waits_for_the_others() -> None:
    asked = Asked(expect=[Expect("any"), NUMBER])
    assert told("we are 2", asked) == ("answer", 2)
    assert told("a few", asked) == ("answer", "a few")


def test_pictures_and_places() -> None:
    url, place = "https://media.example.com/1.jpg", {"title": "", "label": "", "latitude": 59.3, "longitude": 18.1}
    media = Asked([YES], expect=[Expect("media"), Expect("location")])
    assert match(Said(media=url), media) == Match("answer", url, "media")
    assert match(Said("Yes", media=url), media).value == "yes"
    assert match(Said(location=place), media) == Match("answer", place, "location")
    assert match(Said(media=url), ASKED).kind == match(Said(location=place), ASKED).kind == "invalid"
    assert match(Said(media=url), Asked(expect=[Expect("any")])).value == url
    here = Choice("here", ["Send my place"], share_location=True)
    assert match(Said(location=place), Asked([here], expect=[Expect("location")])) == Match(
        "choice", "here", "location"
    )


def test_a_link_is_no_answer() -> None:
    asked = Asked([Choice("site", ["Web site"], answers=False), YES], expect=[Expect("any")], tag="k3")
    assert told("web site", asked) == ("answer", "web site")
    assert match(Said(tap="site#k3"), asked).kind == match(Said(tap="site#k1"), asked).kind == "ignored_tap"
    assert match(Said(tap="yes#k3"), asked).value == "yes"


def tap(postback: str, **more: Any) -> tuple[str, object]:
    asked = replace(ASKED, **{key: more.pop(key) for key in ("late_tap", "acted", "choices", "tag") if key in more})
    found = match(Said(tap=postback, **more), asked)
    return found.kind, found.value


def test_a_tap_on_the_prompt_that_waits() -> None:
    assert tap("yes#k3") == ("choice", "yes")
    assert match(Said(tap="yes#k3"), ASKED).once == "yes#k3"


def test_a_tap_that_is_repeated_acts_once() -> None:
    first = match(Said(tap="yes#k3"), ASKED)
    assert tap("yes#k3", acted={first.once}) == ("ignored_tap", "")
    assert tap("yes#k3", acted={first.once}, tag="k4") == ("ignored_tap", "")
    assert tap("no#k3", acted={first.once}) == ("choice", "no")


@pytest.mark.parametrize(
    ("policy", "found", "gone"),
    [
        ("accept", ("choice", "yes"), ("again", "")),
        ("repeat", ("again", ""), ("again", "")),
        ("ignore", ("ignored_tap", ""), ("ignored_tap", "")),
    ],
)
def test_a_button_of_an_earlier_prompt(policy: str, found: tuple[str, object], gone: tuple[str, object]) -> None:
    assert tap("yes#k1", late_tap=policy) == found
    assert tap("yes", late_tap=policy, old_tap=True) == found
    assert tap("M1_Yes", late_tap=policy, old_tap=True, answers="M1") == found
    assert tap("seats#k1", late_tap=policy) == gone
    assert tap("M1_Other", late_tap=policy, old_tap=True, answers="M1") == gone


def test_an_accepted_late_tap_acts_once() -> None:
    late = match(Said(tap="yes#k1"), ASKED)
    assert late.because == "late tap"
    assert tap("yes#k1", acted={late.once}) == ("ignored_tap", "")


def test_a_bare_value_or_a_label_that_comes_as_a_tap() -> None:
    assert tap("yes") == ("choice", "yes")
    assert tap("person") == ("flow_choice", "person")
    assert tap("> YES") == ("choice", "yes")
    assert tap("#k3") == ("again", "")


def test_the_postback_that_a_channel_makes_up() -> None:
    assert tap("M_1_Yes", answers="M_1") == ("choice", "yes")
    assert tap("M_1_Sí", answers="M_1") == ("choice", "yes")
    assert tap("M_1_Yes", answers="M_2") == ("again", "")
    made_up = match(Said(tap="M_1_Yes", answers="M_1"), ASKED)
    assert tap("M_1_Yes", answers="M_1", acted={made_up.once}) == ("ignored_tap", "")


def test_a_value_with_a_hash_in_it() -> None:
    assert tap("c#", choices=[Choice("c#"), Choice("c")]) == ("choice", "c#")
    assert tap("c##k3", choices=[Choice("c#"), Choice("c")]) == ("choice", "c#")
    assert tap("c#k3", choices=[Choice("c#"), Choice("c")]) == ("choice", "c")


def test_reading_a_compiled_prompt() -> None:
    lowered = {
        "value": "big",
        "shown": True,
        "label": 3,
        "words": ["many"],
        "has": ["lot"],
        "number": [4, 20],
        "key": "7",
    }
    assert read_choice(lowered, ["Many"], "1") == Choice("big", ("Many",), ("many",), ("lot",), (4.0, 20.0), "7", "1")
    assert not read_choice({"value": "site", "url": 2}, ["Web site"]).answers
    assert read_choice({"value": "here", "share_location": True}).share_location
    assert read_expect({"kind": "number", "low": 1, "high": 20}) == NUMBER
    assert read_expect({"kind": "matches", "pattern": "[0-9]"}) == Expect("matches", pattern="[0-9]")


def test_when_lines_should_be_lettered() -> None:
    assert means_numbers([YES], [NUMBER])
    assert means_numbers([Choice("small", number=(1, 3))], [])
    assert means_numbers([YES, NO], [Expect("matches", pattern="[2-9]")])
    assert not means_numbers([YES, NO], [Expect("matches", pattern="[0-9]{4}"), Expect("any"), Expect("date")])


ANY_TEXT = st.text(st.characters(codec=None)) | st.sampled_from(["1", "2", "yes", "agent", "10:30", "24/12", "yes#k3"])
ANY_CHOICE = st.builds(
    Choice,
    value=st.text(max_size=5),
    labels=st.lists(ANY_TEXT, max_size=2),
    words=st.lists(ANY_TEXT, max_size=2),
    has=st.lists(ANY_TEXT, max_size=2),
    number=st.none() | st.just((1.0, 5.0)),
    key=st.sampled_from(["", "1", "2"]),
    mark=st.sampled_from(["", "1", "2", "a"]),
    share_location=st.booleans(),
    answers=st.booleans(),
)
KINDS = ["any", "date", "media", "location", "number", "matches"]
ANY_EXPECT = st.builds(Expect, kind=st.sampled_from(KINDS), pattern=st.just("[0-9]+"))
ANY_ASKED = st.builds(
    Asked,
    choices=st.lists(ANY_CHOICE, max_size=4),
    flow_choices=st.lists(ANY_CHOICE, max_size=2),
    expect=st.lists(ANY_EXPECT, max_size=3),
    interrupts=st.dictionaries(ANY_TEXT.map(fold), st.just("t"), max_size=2),
    tag=st.sampled_from(["", "k3"]),
    late_tap=st.sampled_from(["accept", "repeat", "ignore"]),
    today=st.dates(),
)
ANY_SAID = st.builds(
    Said,
    text=ANY_TEXT,
    tap=st.just("") | ANY_TEXT,
    answers=st.just("") | ANY_TEXT,
    old_tap=st.booleans(),
    media=st.sampled_from(["", "https://example.com/1"]),
    location=st.none() | st.just({"latitude": 1.0}),
)


@given(ANY_SAID, ANY_ASKED)
def test_takes_anything_and_invents_nothing(said: Said, asked: Asked) -> None:
    found = match(said, asked)
    if found.kind == "choice":
        assert found.value in [choice.value for choice in asked.choices]
    elif found.kind == "flow_choice":
        assert found.value in [choice.value for choice in asked.flow_choices]
    elif found.kind == "interrupt":
        assert found.value == "t"
    elif found.kind == "answer":
        assert found.because in {expect.kind for expect in asked.expect} and found.value
    else:
        assert found.value == ""
    assert found.once in ("", said.tap)


@given(st.text(), ANY_ASKED)
def test_how_it_is_written_does_not_matter(text: str, asked: Asked) -> None:
    """Unless the text itself is the answer, quotes and points round it change nothing."""
    asked = replace(asked, expect=[])
    assert match(Said(f'> "{text}".'), asked) == match(Said(text), asked) or not any(map(str.isalnum, text))
