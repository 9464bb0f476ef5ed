"""The table of channels, against the published numbers typed apart."""

from __future__ import annotations

import pytest

from flowengine.messages.channels import CHANNELS, channel, is_phone, window

NATIVE = {
    # channel: media choice card carousel location list
    "SMS": "",
    "MMS": "media card",
    "WHATSAPP": "media choice card location list contact",
    "RCS": "media choice card carousel",
    "MESSENGER": "media choice card carousel location",
    "INSTAGRAM": "media choice card carousel",
    "VIBERBM": "media choice card",
    "TELEGRAM": "media choice card location",
    "LINE": "media choice card carousel location",
    "KAKAOTALK": "media choice card",
    "WECHAT": "media",
}


@pytest.mark.parametrize("name", NATIVE)
def test_what_is_native(name: str) -> None:
    assert channel(name).native == {"text", *NATIVE[name].split()}


def test_every_channel_is_in_this_test() -> None:
    assert set(NATIVE) == set(CHANNELS)


def test_numbers() -> None:
    whatsapp, rcs = channel("WHATSAPP"), channel("RCS")
    assert (whatsapp.text, whatsapp.label, whatsapp.buttons) == (4096, 20, 3)
    assert (whatsapp.rows, whatsapp.row_title, whatsapp.row_description) == (10, 24, 72)
    assert (rcs.text, rcs.card_title, rcs.card_description, rcs.label, rcs.postback) == (3072, 200, 2000, 25, 2048)
    assert rcs.outer_buttons == 3
    assert (channel("VIBERBM").text, channel("VIBERBM").label, channel("MMS").card_title) == (1000, 30, 80)
    assert channel("MESSENGER").label == channel("INSTAGRAM").label == 20


def test_windows_and_phones() -> None:
    assert {name for name in CHANNELS if window(name)} == {"WHATSAPP", "MESSENGER", "INSTAGRAM"}
    assert window("WHATSAPP") == 24 * 3600
    assert {name for name in CHANNELS if is_phone(name)} == {"SMS", "MMS", "RCS", "WHATSAPP", "VIBERBM"}


def test_an_unknown_channel_gets_text() -> None:
    assert channel("APPLEBC").native == {"text"}
    assert channel("APPLEBC").buttons == 0
    assert window("APPLEBC") is None
