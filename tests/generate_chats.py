"""Random message flows that are right by construction, as YAML text.

A state leads to states that are grown for it, to finished ones, back to an ask that led here, or out. What the
project's own checks refuse all the same is for the caller to drop.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from generate import CALENDARS, FUNCTIONS, Generated, State, chances, text_of
from hypothesis import strategies as st

BUSINESS = "+12025550199"
CHANNELS = ("SMS", "WHATSAPP", "MESSENGER", "RCS", "VIBERBM", "MMS", "TELEGRAM", "INSTAGRAM", "LINE")
SHARED = """
constants: { brand: Acme }
env: [GREETING]
contact: { booking: { type: text, default: none }, birthday: { type: time, default: "2026-12-24" } }
consent:
  farewell: { en: "You will hear no more of us.", es: "Adiós." }
  welcome: "Welcome back."
  help: { SMS: "Write to help@example.com.", else: "We are at https://example.com/help." }
"""
RING = """
flow: ring
channel: voice
inputs: { to: { type: text } }
outcomes: [talked]
triggers: [ { start: api } ]
cli: "+12025550100"
may_dial: { writer: { number: "{{ to }}", countries: [US], per_hour: 1000 } }
start: dial
states:
  dial: { dial: { to: writer, dial_timeout: 30s }, on: { answered: greet, error: end } }
  greet: { menu: { prompt: Press 1., choices: { talked: 1 } }, on: { timeout: end, invalidinput: end } }
  talked: { return: { outcome: talked, with: { word: gold } } }
"""
OTHER: State = {
    "flow": "other",
    "channel": "message",
    "triggers": [
        {"keywords": ["other thing", "agent"], "interrupt": "true"},
        {"link": "promo*"},
        {"start": "api"},
        {"keywords": ["narrow"], "channel": ["SMS"], "to": BUSINESS, "enter": "late"},
    ],
    "inputs": {"given": {"type": "number", "default": "1"}},
    "start": "ask",
    "states": {
        "ask": {
            "ask": {"prompt": "Other {{ given }}?", "expect": "any", "timeout": "2h"},
            "on": {"answer": "late", "timeout": "end"},
        },
        "late": {"say": "Thanks {{ contact.name | default('you') }} {{ message.link }}.", "next": "end"},
    },
}
WORDS: tuple[Any, ...] = (
    "Hello.",
    "Hello {{ contact.name | default('you') }}, {{ contact.booking }}.",
    "You said {{ message.text }} ({{ message.kind }}, {{ message.choice }}) on {{ message.channel }}.",
    "Tier {{ tier }}, {{ brand }}, {{ env.GREETING }}, {{ picked }}, {{ day }}, {{ place.title | default('-') }}.",
    "It is {{ now | time }} on {{ today | date }}. You have {{ count }}.",
    {"en": "Hello {{ tier }}.", "es": "Hola {{ tier }}."},
    {"SMS": "Short.", "else": {"en": "Long {{ picked }}.", "es": "Largo."}},
    {"en": {"WHATSAPP": "W {{ message.text }}", "else": "E"}, "es": "S"},
    "{{ message.text }}",
    "{{ message.media }} {{ message.location.label | default('') }} {{ message.link }} {{ message.time }}",
    "{{ message.metadata }}",
)
LINES = tuple(each for each in WORDS if isinstance(each, str))
LABELS: tuple[Any, ...] = (
    "{} people",
    "No. {}",
    {"en": "Yes {}", "es": "Sí {}"},
    "Choice {} {{{{ tier }}}}",
    "A rather long label that no button has room for, number {}",
    "👍 {}",
    "{{{{ picked }}}} {}",
)
GUARDS = (
    'tier == "gold"',
    "count > 2",
    'message.kind == "media"',
    "contact.number",
    'tier in ["gold", "silver"] and count < 5',
    "message.text is matching('.*a.*')",
    'contact.booking == "none"',
    '"vip" in contact.tags',
)
SETS: tuple[State, ...] = (
    {"tier": "gold"},
    {"count": "{{ count + 1 }}"},
    {"tier": "{{ message.text }}"},
    {"contact.booking": "{{ message.text | upper }}"},
    {"contact.language": "es"},
    {"contact.name": "{{ message.text }}", "contact.timezone": "{{ message.text }}"},
    {"contact.timezone": "America/New_York", "contact.birthday": "{{ today }}"},
    {"picked": "{{ today }} {{ message.time }}"},
)
LOCATION = {"title": "Acme {{ tier }}", "label": "12 Harbour Street", "latitude": "59.334", "longitude": "{{ count }}"}
OPENING: tuple[State, ...] = (
    {"url": "https://example.com/{{ tier }}/{{ message.text }}"},
    {"call": BUSINESS},
    {"location": {"title": "Acme", "latitude": "59.3", "longitude": "18.06"}},
    {
        "calendar": {
            "title": "Opening {{ tier }}",
            "start": "2026-12-01T18:00:00Z",
            "end": "{{ message.text }}",
            "url": "https://example.com/opening",
        }
    },
)
SHOWN: State = {
    "order": {"en": "Book it {{ tier }}", "es": "Reservar"},
    "page": {"label": "Menu", "url": "https://example.com/{{ picked }}"},
    "phone": {"label": "Call us", "call": BUSINESS},
}
CARD: State = {
    "title": {"en": "Table {{ message.text }}", "es": "Mesa"},
    "description": "By the window {{ tier }}.",
    "media": "https://cdn.example.com/{{ tier }}.jpg",
    "height": "medium",
    "choices": SHOWN,
}
PLAIN_CARD: State = {"title": "Red {{ picked }}", "choices": {"red": "Red", "blue": "Blue {{ count }}"}}
SENDS: tuple[State, ...] = (
    {"text": "Sorry {{ message.text }}"},
    {"text": "{{ picked }}", "choices": SHOWN},
    {
        "text": "Choose.",
        "choices": {"one": "One", "two": "{{ tier }}"},
        "explicit": {"SMS": '{"body": "{{ message.text }}"}'},
    },
    {"explicit": {"WHATSAPP": '{"type": "text", "text": {"body": "{{ tier }}"}}'}, "text": "Anything?"},
    {"card": CARD},
    {"carousel": {"cards": [PLAIN_CARD, {"title": "Blue", "media": "https://cdn.example.com/b.jpg"}]}},
    {"carousel": {"cards": [PLAIN_CARD], "choices": {"neither": "Neither"}}},
    {
        "list": {
            "title": "Times {{ tier }}",
            "description": "Tonight {{ message.text }}.",
            "menu": "Show times",
            "sections": [
                {
                    "title": "Evening",
                    "items": [
                        {"title": "18:00", "description": "{{ picked }}", "value": "t18"},
                        {"title": "{{ message.text }}", "value": "t20"},
                    ],
                }
            ],
        }
    },
    {"media": {"url": "https://cdn.example.com/{{ tier }}.pdf", "caption": "{{ message.text }}", "filename": "m.pdf"}},
    {"location": LOCATION},
    {
        "contact": {
            "name": "Acme {{ message.text }}",
            "phone": BUSINESS,
            "email": "help@example.com",
            "organization": "{{ tier }}",
            "url": "https://example.com",
        }
    },
    {"template": {"name": "omni", "language": "en_US", "body": ["{{ message.text }}"], "version": "1"}},
    {
        "template": {
            "name": "welcome",
            "language": {"en": "en_US", "es": "es_MX"},
            "header": "{{ tier }}",
            "body": ["{{ message.text }}", "{{ contact.name | default('you') }}"],
            "buttons": ["{{ picked }}"],
        }
    },
)
STEPS = ("plain", "hours", "random", "route", "http", "function", "subflow")
WAITING = ("ask", "ask", "ask", "ask", "wait", "handover", "call")
EVERYWHERE = (
    "say", "say", "send", "send", "send", "send", "set", "set", "clear", "log", "track", "tag", "untag",
    "opt_in", "opt_out",
)  # fmt: skip
INTO = {"number": "count", "date": "day", "location": "place", "media": "picked", "matches": "picked", "any": "picked"}
EXPECTS: dict[str, Any] = {
    "any": "any",
    "number": {"number": "1..20"},
    "date": "date",
    "media": "media",
    "location": "location",
    "matches": {"matches": "(?i)[a-z]{2}-[0-9]{1,4}"},
}
VARIABLES: State = {
    "tier": {"type": "text", "default": "silver"},
    "count": {"type": "number", "default": "1"},
    "picked": {"type": "text", "default": "none"},
    "short": {"type": "text", "default": "small", "one_of": ["small", "choice_0", "yes"]},
    "day": {"type": "time", "default": "2026-12-24"},
    "place": {"type": "record", "default": "{}"},
    "slots": {"type": "list", "default": "[]"},
    "pin": {"type": "digits", "default": "0", "sensitive": "true"},
}


class Maker:
    """Grows one flow. ``others`` receives the flows that it plays."""

    def __init__(self, chance: Random, name: str, others: dict[str, State]) -> None:
        self.chance, self.name, self.others = chance, name, others
        self.played = name != "main"
        self.states: dict[str, State] = {}
        self.finished: list[str] = []
        self.wide: State = {}
        self.asks = 0
        self.channels = chance.choice((["WHATSAPP"], chance.sample(CHANNELS, chance.randint(1, 3))))
        self.most = 6 if self.played else chance.choice((5, 10, 18))

    def flow(self) -> State:
        flow: State = {"flow": self.name, "channel": "message", "channels": self.channels, "languages": ["en", "es"]}
        if self.maybe(0.4):
            self.wide = {"agent_wide": {"words": ["person", "help"]}, "forget": {"has": ["forget it"], "number": "77"}}
        first = self.new("start")
        self.states[first] = {"do": [*self.instructions(), {"send": self.value("send")}], "next": self.go(6, ())}
        flow |= {"contact": {"visited": {"type": "boolean", "default": "false"}}}
        flow |= self._own() if self.played else self._top()
        if self.asks and self.wide:
            flow["choices"] = self.wide
            flow.setdefault("on", {})["agent_wide"] = self.chance.choice(("back", "bye", {"say": "Yes?", "to": "back"}))
            flow["on"]["forget"] = "end"
            self.bye()
        flow["variables"] = VARIABLES
        return flow | {"calendars": CALENDARS, "start": first, "states": self.states}

    def _own(self) -> State:
        own: State = {"outcomes": ["won", "lost"], "inputs": {"given": {"type": "text"}}}
        self.leave("won")
        self.leave("lost")
        return own | ({"session": {"expires": "2h"}} if self.maybe(0.5) else {})

    def _top(self) -> State:
        pick = self.chance.choice
        top: State = {"triggers": [{"keywords": ["hello", "hola"]}, {"start": "api"}, {"link": "spring"}]}
        if self.maybe(0.5):
            top["triggers"].append({"any": "true"})
        if self.maybe(0.5):
            top["session"] = {"expires": pick(("1h", "3d")), "then": pick(("forget", "resume"))}
        if self.maybe(0.4):
            top["quiet"] = {"from": "21:00", "to": "08:00", "timezone": pick(("contact", "Europe/Stockholm"))}
        top |= {"busy": pick(("wait", "skip", "replace")), "late": pick(("answer", "drop"))}
        if self.maybe(0.5):
            top["defaults"] = {"timeout": pick(("30m", "23h")), "repeats": pick((0, 1, 3))}
            if self.maybe(0.5):
                top["defaults"] |= {"settle": "10s", "late_tap": pick(("accept", "repeat", "ignore"))}
        top["inputs"] = {"given": {"type": "text", "default": "nothing"}}
        on: State = {}
        for event in ("error", "timeout", "invalidinput", "failed", "expired"):
            if self.maybe(0.3) and (self.others if event == "expired" else self.asks or event == "error"):
                on[event] = pick((self.bye(), {"do": self.instructions(), "to": self.bye()}))
        return top | ({"on": on} if on else {})

    # --- chance ---

    def maybe(self, share: float) -> bool:
        return self.chance.random() < share

    def new(self, what: str) -> str:
        name = f"{what}_{len(self.states)}"
        self.states[name] = {}
        return name

    # --- where to go ---

    def go(self, deep: int, asks: tuple[str, ...]) -> str:
        if deep <= 0 or len(self.states) >= self.most or self.maybe(0.05):
            return self.leaf()
        if self.finished and self.maybe(0.2):
            return self.chance.choice(self.finished)
        name = self.grow(self.chance.choice((*STEPS, *WAITING, *WAITING)), deep, asks)
        self.finished.append(name)
        return name

    def leaf(self) -> str:
        if self.played and self.maybe(0.7):
            return self.leave(self.chance.choice(("won", "lost")))
        return self.bye() if self.maybe(0.6) else "end"

    def leave(self, outcome: str) -> str:
        name = f"return_{outcome}"
        self.states[name] = {"return": {"outcome": outcome, "with": {"word": "{{ given }} {{ picked }}"}}}
        return name

    def bye(self) -> str:
        self.states["bye"] = {"say": {"en": "Goodbye {{ tier }}.", "es": "Adiós."}, "next": "end"}
        return "bye"

    def after(self, deep: int, asks: tuple[str, ...]) -> str:
        """Where an answer leads: further, or back to what was asked."""
        if asks and self.maybe(0.15):
            return self.chance.choice((*asks, "back"))
        return self.go(deep, asks)

    def handler(self, deep: int, asks: tuple[str, ...], to: Callable[[int, tuple[str, ...]], str] | None = None) -> Any:
        """What ``on`` may say of an event."""
        go = to or self.go
        roll = self.chance.random()
        if roll < 0.5:
            return go(deep, asks)
        if roll < 0.8:
            return {"to": go(deep, asks), "do": self.instructions()}
        first = {"when": self.chance.choice(GUARDS), "to": go(deep, asks)}
        return [first | {"do": self.instructions()}, {"else": go(0, asks)}]

    # --- what is done ---

    def instructions(self) -> list[State]:
        return [self.instruction() for _ in range(self.chance.randint(1, 3))]

    def instruction(self) -> State:
        name = self.chance.choice(EVERYWHERE)
        return {name: self.value(name)}

    def value(self, name: str) -> Any:
        pick = self.chance.choice
        makers: dict[str, Callable[[], Any]] = {
            "say": lambda: pick(WORDS),
            "set": lambda: pick(SETS),
            "clear": lambda: pick(("tier", ["count", "picked"], "contact.booking")),
            # Only WhatsApp has templates of its own.
            "send": lambda: pick(SENDS if self.channels == ["WHATSAPP"] else SENDS[:-1]),
            "log": lambda: pick(LINES),
        }
        return makers[name]() if name in makers else pick(("vip", "news"))

    # --- states ---

    def grow(self, kind: str, deep: int, asks: tuple[str, ...]) -> str:
        name = self.new(kind)
        state = self.states[name]
        if self.maybe(0.3) or kind == "plain":
            state["do"] = self.instructions()
        getattr(self, f"_{kind}")(name, state, deep - 1, asks)
        if not state.get("on", True):
            del state["on"]
        return name

    def _plain(self, name: str, state: State, deep: int, asks: tuple[str, ...]) -> None:
        state["next"] = self.go(deep, asks)

    def _hours(self, name: str, state: State, deep: int, asks: tuple[str, ...]) -> None:
        state["hours"] = "office"
        state["on"] = {each: self.handler(deep, asks) for each in ("open", "closed", "holiday")}

    def _random(self, name: str, state: State, deep: int, asks: tuple[str, ...]) -> None:
        state["random"] = {"left": 2, "right": 1} | ({"into": "picked"} if self.maybe(0.3) else {})
        state["on"] = {each: self.handler(deep, asks) for each in ("left", "right")}

    def _route(self, name: str, state: State, deep: int, asks: tuple[str, ...]) -> None:
        whens = self.chance.sample(GUARDS, self.chance.randint(1, 2))
        state["route"] = [*({"when": when, "to": self.go(deep, asks)} for when in whens), {"else": self.go(deep, asks)}]

    def _http(self, name: str, state: State, deep: int, asks: tuple[str, ...]) -> None:
        pick = self.chance.choice
        url = pick(("https://crm.example.com/x", "https://crm.example.com/{{ tier }}/{{ message.text }}"))
        http: State = {pick(("get", "post")): url, "timeout": "5s"}
        if self.maybe(0.5):
            http["json"] = {"who": "{{ contact.number }}", "all": ["{{ count }}", {"said": "{{ message.text }}"}]}
        if self.maybe(0.3):
            http["headers"] = {"X-Note": "{{ message.text }}", "Authorization": "Bearer {{ secret.TOKEN }}"}
        if self.maybe(0.25):
            http["wait"] = "false"
        elif self.maybe(0.7):
            http["save"] = {"tier": "{{ response.tier }}", "slots": "{{ response.slots }}"}
        state["http"] = http
        state["on"] = {"ok": self.handler(deep, asks), "error": self.again(deep, asks)}

    def again(self, deep: int, asks: tuple[str, ...]) -> Any:
        if self.maybe(0.3):
            return {"retry": self.chance.randint(1, 2), "then": self.leaf(), "do": self.instructions()}
        return self.handler(deep, asks)

    def _function(self, name: str, state: State, deep: int, asks: tuple[str, ...]) -> None:
        state["function"] = {
            "name": self.chance.choice(("price", "price", "broken", "odd")),
            "with": {"n": "{{ count }}", "said": "{{ message.text }}"},
            "save": {"count": "{{ result.total }}", "tier": "{{ result.word }}"},
        }
        state["on"] = {"ok": self.handler(deep, asks), "error": self.again(deep, asks)}

    def _subflow(self, name: str, state: State, deep: int, asks: tuple[str, ...]) -> None:
        if self.played or len(self.others) >= 3:
            state.setdefault("do", self.instructions())
            state["next"] = self.go(deep, asks)
            return
        callee = f"part_{len(self.others)}"
        self.others[callee] = {}
        self.others[callee] = Maker(self.chance, callee, self.others).flow()
        state["subflow"] = {"flow": callee, "with": {"given": "{{ tier }}"}, "save": {"tier": "{{ result.word }}"}}
        state["on"] = {each: self.handler(deep, asks) for each in ("won", "lost", "done")}
        for each in ("expired", "error"):
            if self.maybe(0.5):
                state["on"][each] = self.leaf()

    # --- ask ---

    def _ask(self, name: str, state: State, deep: int, asks: tuple[str, ...]) -> None:
        self.asks += 1
        path = (*asks, name)
        on: State = {}
        ask: State = {"prompt": self.chance.choice(WORDS[:-1])}
        roll = self.chance.random()
        expected: list[str] = []
        if roll < 0.2:
            ask["choices"] = {
                "each": "slots",
                "value": "{{ item.time }}",
                "label": self.chance.choice(
                    ("{{ item.time }} {{ item.room }}", {"en": "At {{ item.time }}", "es": "A"})
                ),
            } | ({"description": "{{ item.room }}"} if self.maybe(0.5) else {})
            on["empty"] = self.handler(deep, path)
        elif roll < 0.7:
            ask["choices"] = self._choices(on, deep, path)
        if roll >= 0.6:
            expected = self.chance.sample(sorted(EXPECTS), self.chance.choice((1, 1, 2)))
            found = [EXPECTS[each] for each in expected]
            ask["expect"] = found[0] if len(found) == 1 else found
        if roll < 0.2 or expected:
            on["answer"] = self.handler(deep, path, self.after)
        if self.maybe(0.5):
            ask["into"] = INTO[expected[0]] if expected else self.chance.choice(("picked", "short", "pin"))
        state["ask"], state["on"] = ask | self._manner(), on
        self._unheard(on, deep, path)
        if self.maybe(0.15):
            state["visits"] = {"max": self.chance.randint(1, 3), "then": self.leaf()}

    def _manner(self) -> State:
        pick = self.chance.choice
        found: State = {}
        if self.maybe(0.3):
            found |= {"repeat_prompt": pick(LINES), "repeats": pick((0, 1, 5))}
        if self.maybe(0.5):
            found["timeout"] = pick(("10m", "20h", "3d"))
            if self.maybe(0.6):
                found["remind"] = [{"after": "5m", "say": pick(WORDS)}]
                if self.maybe(0.5):
                    found["remind"].append({"after": "9m", "say": "Still there?"})
        if self.maybe(0.25):
            found["settle"] = "15s"
        if self.maybe(0.4):
            found["late_tap"] = pick(("accept", "repeat", "ignore"))
        if self.maybe(0.2):
            found["media"] = "https://cdn.example.com/{{ tier }}.jpg"
        if self.maybe(0.3):
            found["template"] = SENDS[-1]["template"]
        if self.maybe(0.3):
            found["as"] = pick(("buttons", "list", "text"))
        return found

    def _choices(self, on: State, deep: int, path: tuple[str, ...]) -> State:
        choices: State = {}
        for _ in range(self.chance.choice((1, 2, 3, 4, 5, 12))):
            self._choice(choices, on, deep, path)
        if not set(choices) - {"repeat", "back"} or not any(value in on for value in choices):
            choices["yes"] = {"words": ["yes", "sure"]}
            on["yes"] = self.go(deep, path)
        return choices

    def _choice(self, choices: State, on: State, deep: int, path: tuple[str, ...]) -> None:
        roll, number = self.chance.random(), len(choices)
        label = _numbered(self.chance.choice(LABELS), number)
        if roll < 0.08:
            choices[self.chance.choice(("repeat", "back"))] = {"label": f"Again {number}"}
            return
        value = f"choice_{number}"
        if roll < 0.2:
            choices[f"open_{number}"] = {"label": label} | self.chance.choice(OPENING)
            return
        if roll < 0.25:
            choices[value] = {"label": label, "share_location": "true"}
        elif roll < 0.4:
            choices[value] = {"words": [f"word {number}"], "has": {"en": [f"has{number}"], "es": [f"tiene{number}"]}}
        elif roll < 0.5:
            choices[value] = {"number": f"{number * 10}..{number * 10 + 5}"}
        elif roll < 0.55:
            choices[value] = {"key": "0123456789*#"[number]}
        elif roll < 0.7:
            choices[value] = {"label": label, "description": "About {{ tier }}", "words": {"en": [f"w{number}"]}}
        else:
            choices[value] = label
        on[value] = self.handler(deep, path, self.after)

    def _unheard(self, on: State, deep: int, path: tuple[str, ...]) -> None:
        for event in ("timeout", "invalidinput", "failed"):
            roll = self.chance.random()
            if roll < 0.25:
                on[event] = {"retry": self.chance.randint(1, 2), "then": self.leaf(), "do": self.instructions()}
            elif roll < 0.6:
                on[event] = self.handler(min(deep, 1), ())
        if self.maybe(0.2):
            on["else"] = self.go(0, ())

    # --- the other places ---

    def _wait(self, name: str, state: State, deep: int, asks: tuple[str, ...]) -> None:
        wait: State = {"for": self.chance.choice(("1m", "3h", "2d"))}
        state["on"] = {"elapsed": self.handler(deep, asks)}
        if self.maybe(0.5):
            wait["until"] = ["ready", "moved"]
            state["on"] |= {"ready": self.handler(deep, asks), "moved": self.stay()}
        self._message(state, deep, asks)
        state["wait"] = wait

    def stay(self) -> State:
        return {"do": self.instructions()}

    def _message(self, state: State, deep: int, asks: tuple[str, ...]) -> None:
        if self.maybe(0.6):
            state["on"]["message"] = self.stay() if self.maybe(0.5) else self.handler(deep, asks)

    def _handover(self, name: str, state: State, deep: int, asks: tuple[str, ...]) -> None:
        handover: State = {"post": "https://desk.example.com/chats/{{ tier }}"}
        state["on"] = {"returned": self.handler(deep, asks)}
        if self.maybe(0.4):
            handover["json"] = {"said": "{{ message.text }}", "n": "{{ count }}"}
        if self.maybe(0.6):
            handover["timeout"] = "1h"
            state["on"]["timeout"] = self.handler(deep, asks)
        if self.maybe(0.5):
            handover["every"] = "5m"
            if self.maybe(0.7):
                state["on"]["tick"] = self.stay()
        if self.maybe(0.3):
            handover["until"] = "ready"
            state["on"]["ready"] = self.handler(deep, asks)
        if self.maybe(0.5):
            state["on"]["taken"] = self.stay()
        if self.maybe(0.6):
            state["on"]["error"] = self.leaf()
        self._message(state, deep, asks)
        state["handover"] = handover

    def _call(self, name: str, state: State, deep: int, asks: tuple[str, ...]) -> None:
        state["call"] = {"flow": "ring", "with": {"to": "{{ contact.number }}"}}
        state["on"] = {each: self.handler(deep, asks) for each in ("done", "talked", "error")}
        self._message(state, deep, asks)


def _numbered(label: Any, number: int) -> Any:
    if isinstance(label, dict):
        return {language: each.format(number) for language, each in label.items()}
    return label.format(number)


def generate(chance: Random) -> Generated:
    """One project, every decision of which is taken by ``chance``."""
    others: dict[str, State] = {}
    main = Maker(chance, "main", others).flow()
    files = {f"{flow['flow']}.yaml": text_of(flow) for flow in (main, *others.values(), OTHER)}
    return Generated(files | {"ring.yaml": RING, "flowengine.yaml": SHARED, "functions.py": FUNCTIONS})


def chats() -> st.SearchStrategy[Generated]:
    """Projects of message flows, most of which the project's own checks accept."""
    return chances().map(generate)
