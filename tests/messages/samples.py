"""Rendered contents of every kind, for whoever wants to compose, send or validate them all."""

from __future__ import annotations

import string
from typing import Any

CHANNELS = ("SMS", "WHATSAPP", "RCS", "MESSENGER", "VIBERBM")
TAG = "k3"


def replies(*labels: str) -> list[dict[str, Any]]:
    return [{"value": label.lower().replace(" ", "_"), "label": label, "kind": "reply"} for label in labels]


SITE = {"value": "site", "label": "Web site", "kind": "url", "url": "https://example.com"}
CALL = {"value": "phone", "label": "Call us", "kind": "call", "number": "+12025550100"}
SHOP = {"title": "Our shop", "label": "Main St 1", "latitude": 59.334, "longitude": 18.063}
MARGHERITA = {
    "title": "Margherita",
    "description": "Wood fired",
    "media": "https://cdn.example.com/m.jpg",
    "height": "medium",
    "choices": [{"value": "m", "label": "Order"}],
}
MARINARA = {"title": "Marinara", "choices": [{"value": "n", "label": "Order Marinara"}]}

SAMPLES: dict[str, dict[str, Any]] = {
    "text": {"text": "Your table is booked."},
    "two replies": {"text": "Coming?", "options": replies("Yes", "No")},
    "four replies": {"text": "What would you like?", "options": replies("Book", "Change", "Cancel it", "Person")},
    "eleven replies": {"text": "Which?", "options": replies(*(f"Table {c}" for c in "ABCDEFGHIJK"))},
    "labels with digits": {"text": "For how many?", "options": replies("2 people", "4 people")},
    "a long label": {"text": "And now?", "options": replies("Talk to somebody in the office", "Nothing")},
    "replies and a link": {"text": "What would you like to do?", "options": [*replies("Book a table"), SITE]},
    "only a link": {"text": "More there.", "options": [SITE]},
    "a call": {"text": "Ring us.", "options": [CALL]},
    "as list": {"text": "Coming?", "options": replies("Yes", "No"), "as": "list", "menu": "Answers"},
    "as text": {"text": "Coming?", "options": replies("Yes", "No"), "as": "text"},
    "as buttons": {"text": "And now?", "options": replies("Talk to somebody in the office"), "as": "buttons"},
    "keys": {"text": "Press.", "options": [{"value": "a", "label": "Sales", "key": "2"}, *replies("Other")]},
    "an untold key": {"text": "1 for sales, 2 for service.", "options": [{"value": "sales", "key": "1"}]},
    "lettered": {"text": "How many?", "options": replies("Not yet sure", "Cancel"), "lettered": True, "as": "text"},
    "where are you": {
        "text": "Where are you?",
        "options": [{"value": "here", "label": "Send my place", "kind": "share_location"}],
    },
    "an appointment": {
        "text": "See you then.",
        "options": [
            {
                "value": "save",
                "label": "Save the date",
                "kind": "calendar",
                "url": "https://example.com/c.ics",
                "calendar": {"title": "Dinner", "start": "2026-12-24T18:00:00Z", "end": "2026-12-24T20:00:00Z"},
            }
        ],
    },
    "a way": {"text": "Find us.", "options": [{"value": "map", "label": "Map", "kind": "location", "location": SHOP}]},
    "picture with replies": {
        "text": "This one?",
        "media": "https://cdn.example.com/t.jpg",
        "options": replies("Yes", "No"),
    },
    "picture": {"media": "https://cdn.example.com/t.jpg"},
    "document": {"media": {"url": "https://cdn.example.com/menu.pdf", "filename": "menu.pdf", "caption": "The menu"}},
    "card": {"card": MARGHERITA},
    "card without choices": {"card": {"title": "Booked for 4", "media": "https://cdn.example.com/t.jpg"}},
    "carousel": {"carousel": {"cards": [MARGHERITA, MARINARA], "choices": [{"value": "none", "label": "None"}]}},
    "carousel of one": {"carousel": {"cards": [MARGHERITA], "choices": [{"value": "none", "label": "None"}]}},
    "list": {
        "list": {
            "title": "Choose a time",
            "description": "Today",
            "menu": "Times",
            "sections": [
                {"title": "Lunch", "items": [{"title": "12:00", "value": "t12"}]},
                {"title": "Evening", "items": [{"title": "18:00", "description": "terrace", "value": "t18"}]},
            ],
        }
    },
    "flat list": {"list": {"title": "Size?", "sections": [{"items": [{"title": "Small", "value": "s"}]}]}},
    "location": {"location": SHOP},
    "contact": {
        "contact": {
            "name": "Help Desk",
            "phone": "+12025550100",
            "email": "help@example.com",
            "organization": "Acme",
            "url": "https://example.com",
        }
    },
    "template": {
        "text": "You have a table tomorrow. Coming?",
        "options": replies("Coming", "No"),
        "template": {"name": "table_reminder", "language": "en_US", "body": ["18:00"]},
    },
    "template with everything": {
        "template": {
            "name": "order",
            "language": "en_US",
            "header": {"document": "https://cdn.example.com/o.pdf", "filename": "o.pdf"},
            "body": ["Ann", "5512"],
            "buttons": ["paid", {"url": "5512"}],
        }
    },
    "template for all": {"template": {"name": "T1", "language": "en", "version": "latest", "body": ["Ann"]}},
    "explicit": {"text": "Hello", "explicit": {"WHATSAPP": '{"type":"sticker"}'}},
    "a long text": {"text": "word " * 1000 + string.ascii_letters, "options": replies("Yes", "No")},
}
