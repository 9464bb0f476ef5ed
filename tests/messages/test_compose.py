"""What goes out: golden pairs in ``composed.md`` (`UPDATE_GOLDEN=1` writes it anew), and promises for anything."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import CHANNELS, SAMPLES, TAG, replies

from flowengine.messages.asked import Asked, Choice, Said
from flowengine.messages.channels import CHANNELS as TABLE
from flowengine.messages.channels import channel
from flowengine.messages.compose import compose, compose_for, fit, form, offered, options_of, properties
from flowengine.messages.matching import match
from flowengine.messages.numbering import digest, units

GOLDEN = Path(__file__).parent / "composed.md"
ALL = [*TABLE, "APPLEBC"]
KINDS = {
    "text_message",
    "media_message",
    "location_message",
    "choice_message",
    "card_message",
    "carousel_message",
    "list_message",
    "template_message",
    "contact_info_message",
    "explicit_channel_message",
}


def composed() -> str:
    """Every sample on every channel; channels that get the same stand together."""
    parts = ["# Composed messages\n"]
    for name, content in SAMPLES.items():
        parts.append(f"## {name}\n")
        for told, channels in told_by_channel(content).items():
            parts.append(f"{' '.join(channels)}\n```\n{told}\n```\n")
    return "\n".join(parts)


def told_by_channel(content: dict[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in CHANNELS:
        message = compose(content, name, TAG)
        if set(message) == {"text_message"}:
            told = message["text_message"]["text"]
        else:
            told = json.dumps(message, ensure_ascii=False)
        told = re.sub(r"(word ){9,}", lambda run: f"(word {len(run[0]) // 5} times) ", told)
        found.setdefault(told, []).append(name)
    return found


def test_golden() -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(composed(), "utf-8")
    assert composed() == GOLDEN.read_text("utf-8")


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("sample", SAMPLES)
def test_one_kind_and_plain_data(sample: str, name: str) -> None:
    message = compose(SAMPLES[sample], name, TAG)
    assert len(message) == 1
    assert set(message) <= KINDS
    assert json.loads(json.dumps(message)) == message


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("sample", [each for each in SAMPLES if each != "as buttons"])
def test_what_is_shown_is_what_is_understood(sample: str, name: str) -> None:
    """Each reply, typed back as its mark or its label, or tapped, is its value."""
    content = SAMPLES[sample]
    seen = [(mark, option) for mark, option in offered(content, name) if option.get("kind", "reply") == "reply"]
    asked = Asked([Choice(option["value"], labels=[option["label"]], mark=mark) for mark, option in seen], tag=TAG)
    told = sent_replies(compose(content, name, TAG))
    for mark, option in seen:
        for said in [mark, f"{mark}.", f"> {option['label'].upper()}"]:
            found = match(Said(said), asked)
            assert not mark.strip(".") or (found.kind, found.value) == ("choice", option["value"]), said
        if told:
            assert told[option["label"]] == f"{option['value']}#{TAG}"
            assert match(Said(tap=told[option["label"]]), asked).value == option["value"]
    assert not told or len(told) == len(seen)


def sent_replies(node: Any) -> dict[str, str]:
    """Postback data by label, wherever it stands in a message."""
    if isinstance(node, list):
        return {key: value for each in node for key, value in sent_replies(each).items()}
    if not isinstance(node, dict):
        return {}
    found = {key: value for each in node.values() for key, value in sent_replies(each).items()}
    if "postback_data" in node and set(node) & {"text_message", "title"}:
        label = node["text_message"]["text"] if "text_message" in node else node["title"]
        found[label] = node["postback_data"]
    return found


def test_a_send_that_may_fall_back_has_the_form_of_each_channel() -> None:
    both = compose_for(SAMPLES["two replies"], ["WHATSAPP", "SMS", "RCS"], TAG)
    assert both["choice_message"] == compose(SAMPLES["two replies"], "WHATSAPP", TAG)["choice_message"]
    assert both["explicit_channel_omni_message"] == {"SMS": {"text_message": {"text": "Coming?\n\n1. Yes\n2. No"}}}
    assert compose_for(SAMPLES["text"], ["WHATSAPP", "SMS"]) == compose(SAMPLES["text"], "SMS")


def test_native_forms_and_templates_of_several_channels() -> None:
    own = {"text": "Hello", "explicit": {"WHATSAPP": "{}", "RCS": "[]"}}
    assert compose_for(own, ["SMS", "RCS", "WHATSAPP"]) == {
        "text_message": {"text": "Hello"},
        "explicit_channel_message": {"RCS": "[]", "WHATSAPP": "{}"},
    }
    first = compose_for(own, ["RCS", "SMS", "WHATSAPP"])
    assert first["explicit_channel_message"] == {"RCS": "[]", "WHATSAPP": "{}"}
    assert first["explicit_channel_omni_message"] == {"SMS": {"text_message": {"text": "Hello"}}}
    shut = compose_for(SAMPLES["template"], ["WHATSAPP", "SMS"], TAG)
    assert set(shut) == {"template_message", "explicit_channel_omni_message"}
    assert set(shut["explicit_channel_omni_message"]["SMS"]) == {"text_message"}
    for_all = {**SAMPLES["template for all"], "explicit": {"SMS": "{}"}}
    told = compose_for(for_all, ["SMS", "RCS"])
    assert set(told["explicit_channel_omni_message"]["RCS"]) == {"template_reference"}
    approved = compose_for(SAMPLES["template with everything"], ["WHATSAPP", "RCS"], TAG)["template_message"]
    assert set(approved["channel_template"]) == {"WHATSAPP", "RCS"}


def test_choices_by_number_and_channel() -> None:
    def kind(count: int, name: str) -> str:
        return form({"text": "?", "options": replies(*map(chr, range(65, 65 + count)))}, name)

    assert [kind(count, "WHATSAPP") for count in (1, 3, 4, 10, 11)] == ["choice", "choice", "list", "list", "text"]
    assert [kind(count, "RCS") for count in (1, 10, 11)] == ["choice", "choice", "text"]
    assert [kind(count, "MESSENGER") for count in (10, 11)] == ["choice", "text"]
    assert {kind(count, name) for count in (1, 11) for name in ("SMS", "MMS", "WECHAT", "APPLEBC")} == {"text"}


def test_a_label_of_one_more_than_the_channel_shows() -> None:
    def kind(size: int, name: str) -> str:
        return form({"text": "?", "options": replies("x" * size)}, name)

    assert (kind(20, "WHATSAPP"), kind(24, "WHATSAPP"), kind(25, "WHATSAPP")) == ("choice", "list", "text")
    assert (kind(25, "RCS"), kind(26, "RCS")) == ("choice", "text")
    assert (kind(20, "MESSENGER"), kind(21, "MESSENGER")) == ("choice", "text")


def test_a_long_prompt_beside_buttons_becomes_text_on_whatsapp() -> None:
    content = {"text": "a" * 1024, "options": replies("Yes")}
    assert form(content, "WHATSAPP") == "choice"
    assert form({**content, "text": "a" * 1025}, "WHATSAPP") == "text"


def test_letters_where_a_label_begins_with_a_digit() -> None:
    assert [mark for mark, _ in offered(SAMPLES["labels with digits"], "SMS")] == ["a", "b"]
    assert [mark for mark, _ in offered(SAMPLES["two replies"], "SMS")] == ["1", "2"]
    many = {"options": replies(*(f"{n} people" for n in range(1, 30)))}
    marks = [mark for mark, _ in offered(many, "SMS")]
    assert marks[24:28] == ["y", "z", "aa", "ab"]


def test_marks_leave_out_keys_labels_and_words() -> None:
    options = [
        {"value": "x", "label": "Sales", "key": "2"},
        {"value": "y", "label": "Service"},
        {"value": "z", "label": "Other", "words": ["3"]},
        {"value": "hidden", "key": "1"},
    ]
    assert [mark for mark, _ in offered({"options": options}, "SMS")] == ["2", "4", "5"]
    lettered = {"options": replies("B", "A", "2 people")}
    assert [mark for mark, _ in offered(lettered, "SMS")] == ["c", "d", "e"]


@pytest.mark.parametrize("name", ["MMS", "VIBERBM"])
def test_a_picture_is_shown_above_numbered_lines_where_it_can_be(name: str) -> None:
    content = SAMPLES["picture with replies"]
    card = compose(content, name, TAG)["card_message"]
    assert card == {
        "description": "This one?\n\n1. Yes\n2. No",
        "media_message": {"url": "https://cdn.example.com/t.jpg"},
    }
    assert [mark for mark, _ in offered(content, name)] == ["1", "2"]


def test_a_text_too_long_for_a_card_names_the_picture() -> None:
    content = {**SAMPLES["picture with replies"], "text": "a" * 1000}
    assert "https://cdn.example.com/t.jpg" in compose(content, "MMS", TAG)["text_message"]["text"]


def test_the_sender_keeps_the_thread() -> None:
    assert properties("SMS", "12025550100") == {"SMS_SENDER": "12025550100"}
    assert properties("MMS", "12025550100") == {"MMS_SENDER": "12025550100"}
    assert properties("WHATSAPP", "12025550100") == properties("SMS", "") == {}


def test_a_value_too_long_for_the_channel_still_comes_back() -> None:
    value = "v" * 300
    content = {"text": "?", "options": [{"value": value, "label": "Yes"}]}
    told = sent_replies(compose(content, "WHATSAPP", TAG))["Yes"]
    assert told == f"{digest(value)}#{TAG}"
    assert match(Said(tap=told), Asked([Choice(value, ["Yes"])], tag=TAG)).value == value
    assert sent_replies(compose(content, "RCS", TAG))["Yes"] == f"{value}#{TAG}"


def test_lines_are_kept_when_the_text_is_cut() -> None:
    content = {"text": "word " * 600, "options": replies("Yes", "No")}
    text = compose(content, "VIBERBM", TAG)["text_message"]["text"]
    assert text.endswith("...\n\n1. Yes\n2. No")
    assert 990 <= units(text) <= 1000


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec=None), max_size=50),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=3,
)
OPTION = st.fixed_dictionaries(
    {"value": st.text(max_size=30), "label": st.text(st.characters(codec=None), max_size=40)},
    optional={
        "kind": st.sampled_from(["reply", "url", "call", "location", "calendar", "share_location"]),
        "description": st.text(max_size=100),
        "key": st.sampled_from("123"),
        "url": st.text(max_size=20),
    },
)
OPTIONS = st.lists(OPTION, max_size=12)
CARD = st.fixed_dictionaries(
    {"title": st.text(max_size=90)}, optional={"description": st.text(), "media": st.text(), "choices": OPTIONS}
)
ROW = st.fixed_dictionaries({"title": st.text(max_size=30), "value": st.text(max_size=5)})
CONTENT = st.fixed_dictionaries(
    {},
    optional={
        "text": st.text(st.characters(codec=None), max_size=2500),
        "options": OPTIONS,
        "card": CARD,
        "carousel": st.fixed_dictionaries({"cards": st.lists(CARD, max_size=12)}, optional={"choices": OPTIONS}),
        "list": st.fixed_dictionaries(
            {"title": st.text(max_size=9)},
            optional={"sections": st.lists(st.fixed_dictionaries({"items": st.lists(ROW, max_size=6)}), max_size=3)},
        ),
        "media": st.text(max_size=9) | st.fixed_dictionaries({"url": st.text()}, optional={"caption": st.text()}),
        "location": st.fixed_dictionaries({}, optional={"title": PLAIN, "latitude": PLAIN, "longitude": PLAIN}),
        "contact": st.fixed_dictionaries({}, optional={"name": PLAIN, "phone": PLAIN, "email": PLAIN}),
        "as": st.sampled_from(["", "buttons", "list", "text"]),
        "lettered": st.booleans(),
    },
)


@given(CONTENT, st.sampled_from(ALL))
def test_composes_anything(content: dict[str, Any], name: str) -> None:
    message = compose(content, name, TAG)
    assert len(message) == 1
    json.dumps(message, ensure_ascii=False).encode()
    limits = channel(name)
    if "text_message" in message and limits.text:
        assert units(message["text_message"]["text"]) <= limits.text
    for choice in message.get("choice_message", {}).get("choices", []):
        assert len(choice["postback_data"].encode()) <= limits.postback
        assert units(choice.get("text_message", {}).get("text", "")) <= limits.label
    assert len(offered(content, name)) <= len(options_of(content))
    assert fit(fit(content, name), name) == fit(content, name)
