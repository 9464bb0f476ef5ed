"""What an answer means to the question that stands: from a flow as text to the messages sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from chatting import Chat

from flowengine.fetch import Response

OpenChat = Callable[..., Chat]


def asking(ask: str, on: str = "", more: str = "", states: str = "") -> str:
    """A flow with one question, and the variables that are named in it."""
    used = [f"  {name}: {{ {each} }}" for name, each in VARIABLES.items() if name in ask + states]
    return f"""
flow: one
channel: message
languages: [en, es]
triggers: [ {{ keywords: [go] }} ]
variables: {{}}
{more}
start: ask
states:
  ask:
    ask: {{ prompt: "Well?", timeout: 1h, {ask} }}
    on: {{ invalidinput: lost, timeout: late{", " + on if on else ""} }}
  lost: {{ say: Lost., next: end }}
  late: {{ say: Late., next: end }}
{states}
""".replace("variables: {}", "variables:\n" + "\n".join(used) if used else "")


VARIABLES = {
    "kept": 'type: text, default: ""',
    "count": "type: number",
    "day": "type: time",
    "spot": "type: record",
    "items": "type: list",
}


COLOURS = asking(
    """choices: {
      red: { label: { en: Bright red, es: Rojo }, words: [crimson], key: 1 },
      blue: { label: { en: Sky blue 🟦, es: Azul }, has: [sea, deep water] },
      many: { label: Many, number: 4..20 },
      hidden: { words: [secret] } }""",
    states="""
  red: { say: "Red {{ message.choice }} {{ message.text }}.", next: end }
  blue: { say: Blue., next: end }
  many: { say: Many., next: end }
  hidden: { say: Hidden., next: end }
""",
)
SHOWN = "Well? / 1. Bright red / a. Sky blue 🟦 / b. Many"


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("Bright red", ["Red red Bright red."]),
        ("  bright   RED!", ["Red red   bright   RED!."]),
        ("rojo", ["Red red rojo."]),
        ("Crimson", ["Red red Crimson."]),
        ("1", ["Red red 1."]),
        ("1️⃣", ["Red red 1️⃣."]),
        ("١", ["Red red ١."]),
        ("azul", ["Blue."]),
        ("sky blue", ["Blue."]),
        ("a", ["Blue."]),
        ("a. Sky blue 🟦", ["Blue."]),
        ("like the sea at night", ["Blue."]),
        ("in deep water", ["Blue."]),
        ("seaside", [SHOWN]),
        ("about 7 of them", ["Many."]),
        ("7", ["Many."]),
        ("3", [SHOWN]),
        ("21", [SHOWN]),
        ("secret", ["Hidden."]),
        ("hidden", [SHOWN]),
        ("blue", [SHOWN]),
        ("{{ 7*7 }}", [SHOWN]),
        ("", [SHOWN]),
        ("x" * 100_000, [SHOWN]),
        ("red\u0000\ud800"[:4], [SHOWN]),
    ],
)
def test_what_is_typed_is_held_against_labels_words_and_marks(
    open_chat: OpenChat, text: str, answers: list[str]
) -> None:
    chat = open_chat(COLOURS)
    assert chat.write("go") == [SHOWN]
    assert chat.write(text) == answers


def test_a_number_means_the_line_and_not_a_number_inside_a_label(open_chat: OpenChat) -> None:
    flow = asking(
        "choices: { two: 2 people, four: 4 people }",
        states="  two: { say: For two., next: end }\n  four: { say: For four., next: end }",
    )
    for typed, answer in (("2", "For two."), ("4", "For four."), ("a", "For two."), ("b", "For four.")):
        chat = open_chat(flow)
        assert chat.write("go") == ["Well? / a. 2 people / b. 4 people"]
        assert chat.write(typed) == [answer]


def test_thumbs_are_answers(open_chat: OpenChat) -> None:
    flow = asking(
        "choices: { good: 👍, bad: 👎 }",
        states="  good: { say: Good., next: end }\n  bad: { say: Bad., next: end }",
    )
    for typed, answer in (("👍🏽", "Good."), ("👎", "Bad."), ("2", "Bad.")):
        chat = open_chat(flow)
        chat.write("go")
        assert chat.write(typed) == [answer]


@pytest.mark.parametrize(
    ("expect", "into", "steps"),
    [
        ("{ number: 1..20 }", "count", "> twenty-one\n< Well?\n> 21\n< Well?\n> 0\n< Lost."),
        ("{ number: 1..20 }", "count", "> for 12 please\n< Got 12."),
        ("number", "count", "> -\n< Well?\n> 3.5\n< Got 3.5."),
        ("number", "count", "> ٣\n< Got 3."),
        ("date", "day", "> whenever\n< Well?\n> tomorrow\n< Got 25 November 2025."),
        ("date", "day", "> 24.12.2025\n< Got 24 December 2025."),
        ("{ matches: '[A-Z]{3}' }", "kept", "> abcd\n< Well?\n> ABCD\n< Well?\n> ABC\n< Got ABC."),
        ("media", "kept", "> here\n< Well?\nphoto of me\n< Got https://media.example.com/p.jpg."),
        ("location", "spot", "> here\n< Well?\nplace Stockholm\n< Got a place 59.33."),
        ("any", "kept", "> whatever {{ 7*7 }}\n< Got whatever {{ 7*7 }}."),
        ("any", "kept", "photo\n< Got https://media.example.com/p.jpg."),
        ("[number, { matches: 'n/a' }]", "kept", "> hm\n< Well?\n> n/a\n< Got n/a."),
        ("[any, number]", "kept", "> 5 or so\n< Got 5."),
    ],
)
def test_what_is_expected_is_kept_as_its_type(open_chat: OpenChat, expect: str, into: str, steps: str) -> None:
    shown = {
        "count": "Got {{ count }}.",
        "day": "Got {{ day | date }}.",
        "spot": "Got a place {{ spot.latitude }}.",
        "kept": "Got {{ kept }}.",
    }
    flow = asking(
        f"expect: {expect}, into: {into}", "answer: got", states=f'  got: {{ say: "{shown[into]}", next: end }}'
    )
    open_chat(flow).play(f"> go\n< Well?\n{steps}")


def test_an_answer_that_is_not_of_its_variables_type_is_none(open_chat: OpenChat) -> None:
    flow = asking(
        "expect: [any, number], into: count", "answer: got", states='  got: { say: "{{ count }}", next: end }'
    )
    flow = flow.replace("type: number", "type: number, default: 0")
    open_chat(flow).play("> go\n< Well?\n> four\n< Well?\n> 4\n< 4")


@pytest.mark.parametrize(("repeats", "asked"), [(0, 0), (1, 1), (2, 2), (5, 5)])
def test_a_question_is_put_again_so_often_and_no_more(open_chat: OpenChat, repeats: int, asked: int) -> None:
    chat = open_chat(asking(f'choices: {{ fine: Fine }}, repeat_prompt: "Again?", repeats: {repeats}', "fine: end"))
    assert chat.write("go") == ["Well? / 1. Fine"]
    assert [chat.write("no idea")[0] for _ in range(asked + 1)] == ["Again? / 1. Fine"] * asked + ["Lost."]


def test_retry_of_a_handler_asks_anew(open_chat: OpenChat) -> None:
    flow = """
flow: one
channel: message
triggers: [ { keywords: [go] } ]
start: ask
states:
  ask:
    ask: { prompt: "Pin?", expect: { matches: '[0-9]{4}' }, repeats: 0 }
    on: { invalidinput: { say: Four digits., retry: 2, then: lost }, answer: end, timeout: end }
  lost: { say: Lost., next: end }
"""
    again = "< Four digits.\n< Pin?"
    open_chat(flow).play(f"> go\n< Pin?\n> a\n{again}\n> b\n{again}\n> c\n< Four digits.\n< Lost.")


# --- taps ------------------------------------------------------------------------------------------------------

TWICE = """
flow: twice
channel: message
channels: [WHATSAPP]
triggers: [ {{ keywords: [go] }}, {{ any: true }} ]
start: first
states:
  first:
    ask: {{ prompt: First?, choices: {{ same: Same, other: Other }}, late_tap: {late} }}
    on: {{ same: second, other: end, invalidinput: end, timeout: end }}
  second:
    ask: {{ prompt: Second?, choices: {{ same: Same, third: Third }}, late_tap: {late} }}
    on: {{ same: {{ say: Done., to: end }}, invalidinput: end, timeout: end }}
  third: {{ say: Third., next: end }}
"""


@pytest.mark.parametrize(
    ("late", "steps"),
    [
        ("accept", "tap {old}\n< Done."),
        ("repeat", "tap {old}\n< Second? | Same | Third\ntap same\n< Done."),
        ("ignore", "tap {old}\ntap same\n< Done."),
    ],
)
def test_an_old_button_does_what_late_tap_says(open_chat: OpenChat, late: str, steps: str) -> None:
    chat = open_chat(TWICE.format(late=late), channel="WHATSAPP")
    chat.play("> go\n< First? | Same | Other")
    old = chat.postback("other").replace("other#", "same#")
    first = chat.postback("same")
    assert first == old
    chat.play("> same\n< Second? | Same | Third")
    chat.play(steps.format(old=f"={old}"))


def test_a_repeated_tap_acts_once(open_chat: OpenChat) -> None:
    chat = open_chat(TWICE.format(late="accept"), channel="WHATSAPP")
    chat.play("> go\n< First? | Same | Other\ntap same\n< Second? | Same | Third")
    first = chat.sent[0]["message"]["choice_message"]["choices"][0]["postback_data"]
    chat.play(f"tap ={first}\ntap ={first}\ntap same\n< Done.")
    chat.play(f"tap ={first}")  # over; a new conversation begins with any message but not with this one
    chat.play("> hi\n< First? | Same | Other")


def test_the_channels_own_postback_and_a_bare_value_are_understood(open_chat: OpenChat) -> None:
    for postback in ("m_Third", "third", "Third", "third#forged"):
        chat = open_chat(TWICE.format(late="accept"), channel="WHATSAPP")
        chat.play(f"> go\n< First? | Same | Other\n> same\n< Second? | Same | Third\ntap ={postback}\n< Third.")


def test_a_tap_of_nothing_that_is_asked_puts_the_question_again(open_chat: OpenChat) -> None:
    chat = open_chat(TWICE.format(late="accept"), channel="WHATSAPP")
    chat.play("> go\n< First? | Same | Other\ntap =elsewhere#x.1\n< First? | Same | Other")


# --- lists -----------------------------------------------------------------------------------------------------


def listed(open_chat: OpenChat, items: list[Any], into: str = "kept") -> Chat:
    """The list comes from a server."""
    flow = asking(
        'choices: { each: items, value: "{{ item.id }}", label: "{{ item.name }}" }, into: ' + into,
        "answer: got, empty: nothing, person: human",
        "choices: { person: { words: [agent] } }",
        f"""
  fetch:
    http: {{ get: "https://shop.example.com/items", timeout: 5s, save: {{ items: "{{{{ response.items }}}}" }} }}
    on: {{ ok: ask, error: end }}
  got: {{ say: "Got {{{{ {into} }}}}.", next: end }}
  nothing: {{ say: Nothing., next: end }}
  human: {{ say: Human., next: end }}
""",
    ).replace("start: ask", "start: fetch")
    chat = open_chat(flow)
    chat.reply = Response(200, {"items": items}, "")
    return chat


@pytest.mark.parametrize(
    ("items", "steps"),
    [
        ([], "< Nothing."),
        ([{"id": "a1", "name": "Ann"}, {"id": "b2", "name": "Bob"}], "< Well? / 1. Ann / 2. Bob\n> bob\n< Got b2."),
        ([{"id": "a1", "name": "Ann"}, {"id": "b2", "name": "Bob"}], "< Well? / 1. Ann / 2. Bob\n> 1\n< Got a1."),
        ([{"id": "a1", "name": "Ann"}], "< Well? / 1. Ann\n> agent\n< Human."),
        ([{"id": "a1"}, {"id": "b2", "name": "Bob"}], "< Well? / 1. Bob\n> 1\n< Got b2."),
        ([{"id": "a1"}], "< Nothing."),
        (
            [{"id": "timeout", "name": "Ann"}, {"id": "back", "name": "Bob"}],
            "< Well? / 1. Ann / 2. Bob\n> ann\n< Got timeout.",
        ),
        (
            [{"id": "timeout", "name": "Ann"}, {"id": "back", "name": "Bob"}],
            "< Well? / 1. Ann / 2. Bob\n> bob\n< Got back.",
        ),
        ([{"id": "person", "name": "Ann"}], "< Well? / 1. Ann\n> 1\n< Got person."),
    ],
)
def test_every_element_of_a_list_is_a_choice(open_chat: OpenChat, items: list[Any], steps: str) -> None:
    listed(open_chat, items).play(f"> go\n{steps}")


def test_an_element_of_the_wrong_type_is_not_kept(open_chat: OpenChat) -> None:
    chat = listed(open_chat, [{"id": "x", "name": "Ann"}, {"id": 7, "name": "Bob"}], "count")
    shown = "Well? / 1. Ann / 2. Bob"
    chat.play(f"> go\n< {shown}\n> ann\n< {shown}\n> bob\n< Got 7.")


# --- words of the flow, back, repeat ---------------------------------------------------------------------------

WIDE = """
flow: wide
channel: message
languages: [en, es]
triggers: [ { keywords: [go] } ]
choices:
  help: { words: { en: [help], es: [ayuda] } }
  again: { has: [start over] }
variables: { name: { type: text, default: "" } }
on: { timeout: end, invalidinput: end }
start: colour
states:
  colour:
    ask: { prompt: Colour?, choices: { red: Red, blue: Blue, repeat: { words: [what] } } }
    on: { red: size, blue: size }
  size:
    ask: { prompt: Name?, expect: any, into: name, choices: { back: { label: Back } } }
    on: { answer: done }
  help: { say: Help!, next: back }
  again: colour_again
  colour_again: { say: Anew., next: colour }
  done: { say: "Bye {{ name }}.", next: end }
""".replace("  again: colour_again\n", "").replace("  colour_again:", "  again:")


def test_words_of_the_flow_break_in_and_back_asks_the_question_again(open_chat: OpenChat) -> None:
    colour, size = "< Colour? / 1. Red / 2. Blue", "< Name? / 1. Back"
    open_chat(WIDE).play(
        f"""
        > go
        {colour}
        > ayuda
        < Help!
        {colour}
        > what
        {colour}
        > red
        {size}
        > help
        < Help!
        {size}
        > back
        {colour}
        > blue
        {size}
        > let us start over
        < Anew.
        {colour}
        > 2
        {size}
        > Ann
        < Bye Ann.
        """
    )


# --- wording ---------------------------------------------------------------------------------------------------

WORDED = """
flow: worded
channel: message
languages: [en, es]
triggers: [ { keywords: [go] } ]
start: speak
states:
  speak:
    ask:
      prompt: { en: { SMS: Language, else: Which language? }, es: ¿Idioma? }
      choices: { spanish: Español, english: English }
    on: { timeout: end, invalidinput: end }
  spanish: { set: { contact.language: es-MX }, next: speak }
  english: { set: { contact.language: en }, next: speak }
"""


@pytest.mark.parametrize(
    ("channel", "english", "spanish"),
    [
        ("SMS", "Language / 1. Español / 2. English", "¿Idioma? / 1. Español / 2. English"),
        ("WHATSAPP", "Which language? | Español | English", "¿Idioma? | Español | English"),
    ],
)
def test_words_are_those_of_the_language_and_the_channel(
    open_chat: OpenChat, channel: str, english: str, spanish: str
) -> None:
    chat = open_chat(WORDED, channel=channel)
    chat.play(f"> go\n< {english}\n> español\n< {spanish}\n> english\n< {english}")
    chat.play(f"> español\n< {spanish}\nwait 2d\n> go\n< {spanish}")  # the contact's language outlives the flow


def test_every_send_goes_out_in_its_own_form(open_chat: OpenChat) -> None:
    sends = """
  first:
    do:
      - send: { text: Hi., choices: { yes: "Yes", no: "No" } }
      - send: { card: { title: Title, media: "https://cdn.example.com/c.jpg" } }
      - send: { media: { url: "https://cdn.example.com/{{ message.text }}.jpg", caption: Look } }
      - send: { location: { title: Here, latitude: 59.33, longitude: 18.06 } }
      - send: { list: { title: Menu, sections: [ { title: Food, items: [ { title: Soup, value: soup } ] } ] } }
      - send: { template: { name: welcome, language: { en: en_US, es: es_ES }, body: ["{{ message.text }}"] } }
      - send: { to: "+12025550177", text: To another. }
      - send: { to: "", text: To nobody. }
      - send: { channel: SMS, text: Elsewhere. }
    next: end
"""
    flow = f"""
flow: sends
channel: message
channels: [WHATSAPP]
languages: [en, es]
triggers: [ {{ keywords: [go] }} ]
start: first
states: {sends}"""
    chat = open_chat(flow, channel="WHATSAPP")
    said: list[Any] = chat.write("go")
    assert len(said) == 8
    kinds = [next(iter(each["message"])) for each in chat.sent]
    to = [each["recipient"]["identified_by"]["channel_identities"][0] for each in chat.sent]
    other = {"channel": "WHATSAPP", "identity": "12025550177"}
    assert sorted(kinds) == sorted(
        ["choice_message", "card_message", "card_message", "location_message", "list_message", "template_message"]
        + ["text_message"] * 2
    )
    assert other in to
    assert {"channel": "SMS", "identity": chat.identity} in to
