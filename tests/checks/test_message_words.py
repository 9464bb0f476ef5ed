"""Keywords, words of choices, limits of channels: rules that only flows of messages have."""

from __future__ import annotations

import pytest
from chats import found, told

from flowengine.checks.shown_key import named

ONE = "triggers: [ {TRIGGER} ]\nstart: a\nstates:\n  a: { say: Hi., next: end }\n"


def trigger(text: str) -> str:
    return ONE.replace("TRIGGER", f" {text} ")


# --- who starts what ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mine", "theirs", "what"),
    [
        ("keywords: [book, 'Table!']", "keywords: [table]", 'the keyword "table"'),
        ("keywords: [cafe\u0301]", "keywords: [café]", 'the keyword "café"'),
        ("keywords: [book], channel: SMS", "keywords: [book], channel: [SMS, MMS]", 'the keyword "book"'),
        ("keywords: [book]", "keywords: [book], channel: SMS", 'the keyword "book"'),
        ("keywords: [book], to: '+12025550100'", "keywords: [book], to: '+12025550100', app: x", 'the keyword "book"'),
        ("link: promo", "link: promo", 'the link "promo"'),
        ("any: true", "any: true", "all other messages"),
    ],
)
def test_two_flows_that_claim_the_same_are_both_named(mine: str, theirs: str, what: str) -> None:
    (only,) = told("trigger-clash", trigger(mine), other=trigger(theirs))
    assert only == f'other:3: "other" takes {what}, but "line" takes them already, on line 3 of line.yaml'


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("keywords: [book]", "keywords: [table]"),
        ("keywords: [book], channel: SMS", "keywords: [book], channel: WHATSAPP"),
        ("keywords: [book], app: one", "keywords: [book], app: two"),
        ("keywords: [book], to: '+12025550100'", "keywords: [book], to: '+12025550101'"),
        ("link: promo", "link: 'promo*'"),
        ("any: true, channel: SMS", "any: true, channel: RCS"),
        ("start: api", "start: api"),
    ],
)
def test_what_does_not_clash(mine: str, theirs: str) -> None:
    assert told("trigger-clash", trigger(mine), other=trigger(theirs)) == []


def test_the_same_flow_twice() -> None:
    text = ONE.replace("{TRIGGER}", "{ keywords: [book] }, { keywords: [table, Book] }")
    assert told("trigger-clash", text) == [
        '3: "line" takes the keyword "Book", but the flow takes them already, on line 3 of line.yaml'
    ]


@pytest.mark.parametrize("word", ["STOP", "unsubscribe", "Salir", "stop all"])
def test_a_keyword_that_stops_everything(word: str) -> None:
    (only,) = told("unreachable-keyword", trigger(f"keywords: [book, {word}]"))
    assert only == f'3: "{word}" always means "no more messages", so it never starts this flow'


def test_words_that_stop_only_where_nobody_expects_them_may_be_keywords() -> None:
    assert told("unreachable-keyword", trigger("keywords: [end, cancel, help, start]")) == []


def test_a_keyword_that_stands_there_twice_is_told_at_the_second() -> None:
    (only,) = found(trigger("keywords: [Book, table, book]"), "unreachable-keyword")
    assert (only.mark.column, only.message) == (39, '"book" is the same keyword as "Book"')


ASKS = """\
    triggers: [ { keywords: [book] } ]
    session: { expires: 1d }
    languages: [en, es]
    CHOICES
    start: a
    states:
      a: { ask: { prompt: Well?, choices: { OWN } }, on: { else: end } }
      person: { say: One moment., next: end }
    """


def asks(own: str, wide: str = "") -> str:
    return ASKS.replace("CHOICES", f"choices: {{ {wide} }}" if wide else "about: It asks.").replace("OWN", own)


@pytest.mark.parametrize(
    "text",
    [
        asks("person: { en: Agent, es: Agente }, other: Other"),
        asks("person: { label: A person, words: { es: [agente], en: [agent] } }, other: Other"),
        asks("other: Other, one: One", "person: { words: [agent] }"),
    ],
    ids=["label", "word", "flow-wide"],
)
def test_an_answer_that_is_the_keyword_of_another_flow(text: str) -> None:
    agent = trigger("keywords: [AGENT], interrupt: true")
    (only,) = told("keyword-expected", text, agent=agent)
    assert only.endswith('is an answer here, so it does not break into "agent", whose keyword it is')
    assert told("keyword-expected", text, agent=trigger("keywords: [AGENT]")) == []
    assert told("keyword-expected", text, agent=trigger("keywords: [agents], interrupt: true")) == []


@pytest.mark.parametrize("own", ["more: More, quit_it: Stop", "more: More, quit_it: { label: No, words: [no, stop] }"])
def test_a_stop_word_as_an_answer(own: str) -> None:
    assert told("stop-word", asks(own)) == [
        '9: "'
        + ("Stop" if "Stop" in own else "stop")
        + '" means "no more messages" wherever it is written, so it never chooses quit_it'
    ]


def test_end_and_cancel_may_be_answers() -> None:
    assert told("stop-word", asks("more: More, cancel: { label: Cancel, words: [end, quit, stop it] }")) == []


# --- numbers of labels ---------------------------------------------------------------------------------------

TWO = 'the label "2 people" begins with 2, which means "more" as well'


@pytest.mark.parametrize(
    ("own", "messages"),
    [
        ("two: 2 people, four: 4 people", []),
        ("two: 2 people, more: { label: More, key: 2 }", [TWO]),
        ("two: 2 people, more: { label: More, words: ['2'] }", [TWO]),
        ("two: { label: 2 people, key: 2 }, more: { label: More, key: 3 }", []),
        (
            "two: 2 adults, kid: 2 children",
            [
                'the label "2 adults" begins with 2, which means "kid" as well',
                'the label "2 children" begins with 2, which means "two" as well',
            ],
        ),
    ],
)
def test_a_label_with_the_number_of_another(own: str, messages: list[str]) -> None:
    assert [each.message for each in found(asks(own), "label-number")] == messages


# --- what a question names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Reply YES to confirm or NO to cancel.", ["YES", "NO"]),
        ('Please type "more" to go on.', ["more"]),
        ("Text 1 for sales or 2 for service.", ["1", "2"]),
        ("Responda SÍ o NO.", ["SÍ", "NO"]),
        ("Reply with your name and ACME will call you.", []),
        ("Reply YES and ACME will call you.", ["YES"]),
        ("Write 3 words about it.", []),
        ("Send us a picture of your ID.", []),
        ("Text 12:30 if you like.", []),
        ("We open at 9. Say hello!", []),
    ],
)
def test_words_that_a_text_tells_to_write(text: str, words: list[str]) -> None:
    assert [word for word, _ in named(text)] == words


@pytest.mark.parametrize(
    ("prompt", "ask", "count"),
    [
        ("Reply YES or NO.", "choices: { here: { label: Coming, words: ['yes'] } }", 1),
        ("Reply YES or NO.", "choices: { here: 'Yes', away: 'No' }", 0),
        ("Reply YES, or STOP to get no more.", "choices: { here: 'Yes' }", 0),
        ("Reply 1 or 3.", "choices: { here: Coming, away: Away }", 1),
        ("Reply 1 or 2.", "choices: { here: Coming, away: Away }", 0),
        ("Reply 1 to 5.", "choices: { bad: { number: 1..2 }, good: { number: 3..5 } }", 0),
        ("Reply 4 or 30.", "expect: { number: 1..20 }", 1),
        ("Reply ABC or X9.", "expect: { matches: '[A-Z]{3}' }", 0),
        ("Reply WHATEVER.", "expect: any", 0),
        ("Reply AGENT for a person.", "choices: { here: 'Yes' }", 0),
    ],
)
def test_a_word_that_nobody_takes(prompt: str, ask: str, count: int) -> None:
    text = ASKS.replace("CHOICES", "choices: { person: { words: [agent] } }")
    text = text.replace("prompt: Well?, choices: { OWN }", f"prompt: '{prompt}', {ask}")
    assert len(found(text, "shown-key")) == count


# --- limits --------------------------------------------------------------------------------------------------

LIMITED = """\
    triggers: [ { keywords: [book] } ]
    session: { expires: 1d }
    channels: [CHANNELS]
    start: a
    states:
      a: { STATE }
      b: { say: Bye., next: end }
    """


def limited(channels: str, state: str) -> list[str]:
    text = LIMITED.replace("CHANNELS", channels).replace("STATE", state)
    return [f"{each.severity}: {each.message}" for each in found(text, "message-limits")]


LONG = "A label of more than twenty-four"
TOO_LONG = f'the label "{LONG}" has 32 characters; WHATSAPP takes 20, so the choices are sent as lines of text'
ASK = "ask: { prompt: Well?, choices: { b: LABEL } }, on: { else: b }".replace("LABEL", LONG)
TITLE = "the title of the card has 81 characters; MESSENGER takes 80, so the card is sent as text"


@pytest.mark.parametrize(
    ("channels", "state", "messages"),
    [
        (
            "VIBERBM",
            f"say: {'a' * 1001}, next: b",
            ["the text has 1,001 characters; VIBERBM takes 1,000, so it is cut"],
        ),
        ("SMS", f"say: {'a' * 1001}, next: b", []),
        ("SMS", f"say: '{{{{ contact.name }}}}{'a' * 1990}', next: b", []),
        ("VIBERBM", f"say: {{ VIBERBM: Short., else: {'a' * 1001} }}, next: b", []),
        ("WHATSAPP", ASK, [TOO_LONG]),
        ("SMS", ASK, []),
        ("WHATSAPP", ASK.replace("} }, on", "}, as: text }, on"), []),
        ("WHATSAPP", ASK.replace(LONG, "'{{ contact.name }} and his family'"), []),
        ("MESSENGER", f"send: {{ card: {{ title: {'a' * 81} }} }}, next: b", [TITLE]),
    ],
)
def test_more_than_a_channel_shows(channels: str, state: str, messages: list[str]) -> None:
    assert limited(channels, state) == [f"warning: {each}" for each in messages]


def test_too_many_choices() -> None:
    choices = ", ".join(f"c{number}: Choice {number}" for number in range(11))
    (only,) = limited("WHATSAPP", f"ask: {{ prompt: Well?, choices: {{ {choices} }} }}, on: {{ else: b }}")
    assert "there are 11 choices; WHATSAPP shows 10" in only
    assert limited("WHATSAPP", f"ask: {{ prompt: Well?, choices: {{ {choices} }}, as: text }}, on: {{ else: b }}") == []


def test_what_a_channel_refuses_is_an_error() -> None:
    template = "send: { template: { name: x, language: en_US } }, next: b"
    assert limited("WHATSAPP, SMS", template) == ["error: SMS has no templates of its own, so it refuses this message"]
    assert limited("WHATSAPP", template) == []
    assert limited("WHATSAPP, SMS", template.replace("{ template", "{ channel: WHATSAPP, template")) == []
    assert limited("WHATSAPP, SMS", template.replace("en_US", "en_US, version: latest")) == []
    raw = "send: { text: Hi., explicit: { WHATSAPP: 'hello' } }, next: b"
    assert limited("SMS", raw) == ["error: what stands here for WHATSAPP is no JSON object, so WHATSAPP refuses it"]
    assert limited("SMS", raw.replace("'hello'", '\'{"type": "text"}\'')) == []


# --- templates and dates -------------------------------------------------------------------------------------


def test_a_template_by_language() -> None:
    text = """\
        languages: [en, es]
        triggers: [ { start: api } ]
        session: { expires: 1d }
        start: a
        states:
          a:
            ask: { prompt: Well?, expect: any, template: { name: x, language: LANGUAGE } }
            on: { answer: end }
        """
    missing = '9: the template "x" has no language for es'
    assert told("template-language", text.replace("LANGUAGE", "{ en: en_US }")) == [missing]
    assert told("template-language", text.replace("LANGUAGE", "{ en: en_US, es: es_MX }")) == []
    assert told("template-language", text.replace("LANGUAGE", "en_US")) == []
    (dashed,) = found(text.replace("LANGUAGE", "en-US"), "template-language")
    assert (dashed.severity, dashed.fix) == ("error", "write en_US")


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("{ date: contact.due, at: '10:00' }", []),
        ("{ date: contact.duo, at: '10:00' }", ['3: a contact has no "duo"; did you mean "due"?']),
        ("{ date: contact.shop, at: '10:00' }", ['3: "contact.shop" is a text, so it never comes']),
        ("{ schedule: mon, at: '10:00', tag: vip }", []),
        (
            "{ schedule: mon, at: '10:00', tag: regulr }",
            ['3: no flow gives anybody the tag "regulr"; did you mean "regular"?'],
        ),
    ],
)
def test_what_a_date_or_a_schedule_names(text: str, messages: list[str]) -> None:
    fields = "contact: { due: { type: time }, shop: { type: text } }\n"
    flow = f"triggers: [ {text} ]\n{fields}start: a\nstates:\n  a: {{ do: [ {{ tag: regular }} ], next: end }}\n"
    assert told("date-trigger", flow) == messages


# --- loops and waits -----------------------------------------------------------------------------------------

NAG = """\
    triggers: [ { keywords: [book] } ]
    session: { expires: 3d }
    start: a
    states:
      a: { VISITS ask: { prompt: Are you there?, expect: anyTIME }, on: { answer: person, timeout: b } }
      b: { wait: { for: 1h }, on: { elapsed: BACK } }
      person: { handover: { post: https://desk.example.com }, on: { returned: end, error: end } }
    """


def nag(visits: str = "", time: str = ", timeout: 2h", back: str = "a") -> list[str]:
    return told("nag-loop", NAG.replace("VISITS", visits).replace("TIME", time).replace("BACK", back))


def test_a_loop_that_only_timers_drive() -> None:
    assert nag() == ["7: timers alone drive this loop, and nothing bounds it: a > b > a"]


def test_a_loop_that_is_bounded_or_never_taken() -> None:
    assert nag(visits="visits: { max: 3, then: end },") == []
    assert nag(time="") == []
    assert nag(back="[ { when: visits.a > 3, to: end }, { else: a } ]") == []


def test_a_loop_that_sends_nothing() -> None:
    text = """\
        triggers: [ { keywords: [book] } ]
        start: a
        states:
          a: { http: { get: https://x.example.com, timeout: 5s }, on: { ok: c, error: b } }
          b: { wait: { for: 1h }, on: { elapsed: a } }
          c: { say: It is there., next: end }
        """
    assert told("nag-loop", text) == []
    text = text.replace("error: b", "error: { say: Not yet., to: b }")
    assert told("nag-loop", text) == ["7: timers alone drive this loop, and nothing bounds it: a > b > a"]


def test_a_message_with_every_tick() -> None:
    text = """\
        triggers: [ { keywords: [book] } ]
        session: { expires: 1d }
        start: a
        states:
          a:
            handover: { post: https://desk.example.com, every: 10mTIME }
            on: { tick: { say: Please wait. }, returned: end, error: end }
        """
    assert told("nag-loop", text.replace("TIME", "")) == ["9: this goes out every 10 min for as long as nobody answers"]
    assert told("nag-loop", text.replace("TIME", ", timeout: 1h")) == []


def test_a_failed_message_sent_again() -> None:
    text = """\
        triggers: [ { start: api } ]
        session: { expires: 3d }
        on: { failed: FAILED }
        start: a
        states:
          a: { ask: { prompt: Well?, choices: { b: Go } }, on: { invalidinput: end } }
          b: { say: Gone., next: end }
          again: { say: Once more., next: a }
        """
    assert told("failed-again", text.replace("FAILED", "again")) == [
        "5: a message that fails is sent again, and nothing bounds it: a > again > a"
    ]
    assert told("nag-loop", text.replace("FAILED", "again")) == []
    assert told("failed-again", text.replace("FAILED", "b")) == []
    assert told("failed-again", text.replace("FAILED", "{ retry: 1, then: b }")) == []


WAITS = """\
    triggers: [ { keywords: [book] } ]
    SETTING
    start: a
    states:
      a: { ask: { prompt: Well?, expect: anyTIME }, on: { answer: b } }
      b: { handover: { post: https://desk.example.comTIME }, on: { returned: end, error: end } }
    """


def test_a_wait_that_nothing_covers_is_told_once() -> None:
    assert told("endless-wait", WAITS.replace("SETTING", "about: x").replace("TIME", "")) == [
        '7: ask "a" waits without a timeout, and so does one more state, and the flow does not say when a conversation '
        "expires"
    ]


@pytest.mark.parametrize(
    ("setting", "time"),
    [
        ("session: { expires: 24h }", ""),
        ("about: x", ", timeout: 2h"),
    ],
)
def test_a_wait_that_is_covered(setting: str, time: str) -> None:
    assert told("endless-wait", WAITS.replace("SETTING", setting).replace("TIME", time)) == []


def test_a_flow_that_is_only_played_is_covered_by_the_one_that_plays_it() -> None:
    part = WAITS.replace("    triggers: [ { keywords: [book] } ]\n    SETTING\n", "").replace("TIME", "")
    play = "a: { subflow: { flow: part }, on: { done: end, expired: end, error: end } }"
    plays = f"triggers: [ {{ keywords: [x] }} ]\nSETTING\nstart: a\nstates:\n  {play}\n"
    assert told("endless-wait", plays.replace("SETTING", "session: { expires: 2d }"), part=part) == []
    assert len(told("endless-wait", plays.replace("SETTING", "about: x"), part=part)) == 1
