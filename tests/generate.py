"""Random flows that are right by construction, as YAML text: a state is grown for the position it will stand in.

Every outcome leads to a state that is grown for where that outcome lands, to one that is finished for the same
position, or back to a menu that led here. What the project's own checks refuse all the same is for the caller to
drop; :func:`projects` says nothing about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

import yaml
from hypothesis import strategies as st

from flowengine.svaml import PERMISSION, Position, after_input

State = dict[str, Any]
At = frozenset[Position]

ENTRY = "+12025550100"
FUNCTIONS = """
from flowengine.functions import function


@function
def price(**given):
    return {"total": 12, "word": "gold"}


@function
def broken(**given):
    raise RuntimeError("no")


@function
def odd(**given):
    return {"total": {1, 2}, "word": "\\ud800"}
"""
SHARED = """
tone: { play: beep.wav }
constants: { brand: Acme }
env: [GREETING]
contact: { booking: { type: text } }
sounds: { hold: hold.wav }
"""
EVERYWHERE = ("log", "track", "tag", "untag", "opt_in", "opt_out", "set", "clear", "send")
WORDS = (
    "Hello.",
    "Hello {{ call.cli | default('you') }}.",
    "You said {{ call.custom }}.",
    "Your tier is {{ tier }}, {{ brand }}, {{ env.GREETING }}.",
    "It is {{ now | time }} on {{ today | date }}. You have {{ count }} of {{ menu.value }}.",
    "Hello {{ contact.name }}, {{ contact.booking }}. The machine is {{ amd.status }}.",
)
PROMPTS: tuple[Any, ...] = (
    *WORDS,
    {"play": "welcome.wav"},
    {"play": "hold"},
    {"play": "https://cdn.example.com/{{ tier }}.mp3"},
    {"play": "{{ tier }}.wav"},
    {"ssml": "<emphasis>{{ call.custom }}</emphasis>"},
    ["One moment.", {"pause": "1s"}, {"play": "welcome.wav"}],
    {"en-US": "Hello.", "es-ES": "Hola {{ tier }}."},
)
GUARDS = (
    'tier == "gold"',
    "count > 2",
    "call.cli_known",
    "not call.answered",
    'tier in ["gold", "silver"] and count < 5',
    "call.cli is matching('\\\\+1.*')",
    'menu.value == "1"',
)
DIALLED: dict[str, State] = {
    "sales": {"number": "+12025550111"},
    "who": {"number": "{{ friend }}", "countries": ["US", "CA"], "per_hour": 3},
    "desk": {"sip": "desk@pbx.example.com"},
    "any_desk": {"sip": "{{ tier }}@pbx.example.com", "matches": ".*@pbx\\.example\\.com"},
    "ann": {"user": "ann"},
    "robot": {"stream": "wss://bot.example.com/voice"},
}
KIND_OF = {name: next(iter(each)) for name, each in DIALLED.items()}
STEPS = ("plain", "hours", "random", "route", "http", "function", "subflow")
_INPUT = ("menu", "menu", "collect", "wait")
_ADDRESSES: dict[Position, tuple[str, ...]] = {
    "I": ("number", "number", "sip", "user", "stream"),
    "Pi": ("number", "sip"),
    "Pa": ("number", "sip"),
    "Pb": ("number", "sip"),
    "K": ("number", "sip", "user"),
    "O": ("number", "number", "number", "sip", "user"),
}
KINDS_AT: dict[Position, tuple[str, ...]] = {
    "I": (*STEPS, *_INPUT, "voicemail", "connect", "connect", "conference", "park", "svaml"),
    "O": ("plain", "hours", "route", "http", "dial", "dial", "dial", "svaml", "wait"),
    "A": (*STEPS, *_INPUT, "voicemail", "conference", "svaml"),
    "B": (*STEPS, *_INPUT, "conference", "svaml"),
    "Pi": (*STEPS, *_INPUT, "voicemail", "connect", "conference", "svaml"),
    "Pa": (*STEPS, *_INPUT, "voicemail", "connect", "conference", "svaml"),
    "Pb": (*STEPS, *_INPUT, "connect", "conference", "svaml"),
    "K": (*STEPS, *_INPUT, "connect", "conference", "park", "svaml"),
    "L": ("plain", "route", "http", "park", "svaml"),
    "C": ("plain", "route", "http", "menu", "park", "svaml"),
    "N": ("plain", "hours", "random", "route", "http", "function"),
}
SUBFLOW_KINDS = ("plain", "hours", "random", "route", "http", "function", "menu", "menu", "collect")


@dataclass(frozen=True)
class Generated:
    """The files of a project by name. ``main`` is the flow to play, ``outbound`` whether it places calls."""

    files: dict[str, str]
    main: str = "main"
    outbound: bool = False

    def __repr__(self) -> str:
        return "\n".join(f"# --- {name}\n{text}" for name, text in self.files.items() if name.endswith("yaml"))


def at(*positions: str) -> At:
    return frozenset(positions)  # type: ignore[arg-type]


def _allowed(name: str, where: At) -> bool:
    return all(PERMISSION[name][position] != "-" for position in where)


class Maker:
    """Grows one flow. ``others`` receives the flows that it plays."""

    def __init__(self, chance: Random, name: str, others: dict[str, State], outbound: bool = False) -> None:
        self.chance = chance
        self.name = name
        self.others = others
        self.outbound = outbound
        self.played = name != "main"
        self.states: dict[str, State] = {}
        self.finished: dict[Position, list[str]] = {}
        self.returned: dict[str, set[Position]] = {}
        self.most = 6 if self.played else chance.choice((6, 12, 20))

    def flow(self, entry: Position) -> State:
        # An instruction is put in front so that a flow that begins with an end is a flow all the same.
        first = self.new("start")
        self.states[first] = {"do": self.instructions(at(entry)), "next": self.go(at(entry), 5, ())}
        flow: State = {"flow": self.name, "channel": "voice"}
        if not self.played:
            flow |= self._top(entry)
        if self.returned or self.played:
            flow["outcomes"] = ["won", "lost"]
            flow["inputs"] = {"given": {"type": "text"}}
        flow["variables"] = {
            "tier": {"type": "text", "default": "silver"},
            "count": {"type": "number", "default": "1"},
            "pin": {"type": "digits", "sensitive": "true"},
            "picked": {"type": "text", "default": "none"},
        } | ({} if self.outbound else {"friend": {"type": "phone", "default": "+12025550133"}})
        return flow | {"may_dial": DIALLED, "calendars": CALENDARS, "start": first, "states": self.states}

    def _top(self, entry: Position) -> State:
        top: State = {"languages": ["en-US", "es-ES"], "cli": ENTRY}
        top["recordings"] = {
            "to": "s3://acme/{{ call.id }}-{{ call.custom }}",
            "credentials": "{{ secret.RECORDINGS }}",
        }
        top["triggers"] = [{"start": "api"}] if entry == "O" else [{"to": ENTRY}]
        if self.outbound:
            top["inputs"] = {"friend": {"type": "phone"}}
        on: State = {}
        if self.maybe(0.5):
            on["error"] = self.bye()
        if self.maybe(0.3) and self._listens("timeout"):
            on["timeout"] = self.bye()
        late = ("recording_available", "recording_finished") if self._records() else ()
        for event in ("hangup", "disconnected", *late):
            if (event in late or self._listens(event)) and self.maybe(0.3):
                on[event] = self.handler(at("N"), 1, ())
        if self.maybe(0.2):
            top["answer"] = "never"
        return top | ({"on": on} if on else {})

    def _records(self) -> bool:
        written = text_of(self.states)
        return "record: start" in written or "transcribe:" in written or "\n    voicemail:" in written

    def _listens(self, event: str) -> bool:
        kinds = {kind for state in self.states.values() for kind in state}
        asking = {"menu", "collect", "voicemail", "wait"}
        if event == "timeout":
            return bool(kinds & {"menu", "collect"})
        return bool(kinds & (asking if event == "hangup" else {*asking, "connect", "dial", "conference", "park"}))

    # --- chance ---

    def maybe(self, share: float) -> bool:
        return self.chance.random() < share

    def new(self, what: str) -> str:
        name = f"{what}_{len(self.states)}"
        self.states[name] = {}
        return name

    # --- where to go ---

    def go(self, where: At, deep: int, menus: tuple[str, ...]) -> str:
        """A target that is legal wherever the run may stand."""
        if len(where) > 1 or deep <= 0 or len(self.states) >= self.most or self.maybe(0.1):
            return self.leaf(where)
        position = next(iter(where))
        known = self.finished.setdefault(position, [])
        if known and self.maybe(0.2):
            return self.chance.choice(known)
        kinds = KINDS_AT[position]
        if self.played:
            kinds = tuple(kind for kind in kinds if kind in SUBFLOW_KINDS)
        name = self.grow(self.chance.choice(kinds or ("plain",)), position, deep, menus)
        known.append(name)
        return name

    def leaf(self, where: At) -> str:
        if self.played and not where & at("N", "O"):
            return self.leave(where)
        if where == at("N"):
            return self.quiet() if self.maybe(0.4) else "end"
        if where & at("N", "O"):
            return "end"
        if _allowed("continue", where) and self.maybe(0.3):
            return "continue"
        return self.bye() if self.maybe(0.6) else "end"

    def leave(self, where: At) -> str:
        outcome = self.chance.choice(("won", "lost"))
        self.returned.setdefault(outcome, set()).update(where)
        name = f"return_{outcome}"
        self.states[name] = {"return": {"outcome": outcome, "with": {"word": "{{ given }}"}}}
        return name

    def bye(self) -> str:
        self.states["bye"] = {"say": "Goodbye {{ tier }}.", "next": "end"}
        return "bye"

    def quiet(self) -> str:
        self.states["quiet"] = {
            "do": [
                {"log": "over: {{ call.reason }} {{ event.destination | default('') }}"},
                {"send": {"to": "{{ call.cli }}", "text": "Sorry {{ call.custom }}"}},
            ],
            "next": "end",
        }
        return "quiet"

    def handler(self, where: At, deep: int, menus: tuple[str, ...]) -> Any:
        """What ``on`` may say of an event."""
        roll = self.chance.random()
        if roll < 0.5:
            return self.go(where, deep, menus)
        if roll < 0.8:
            return {"to": self.go(where, deep, menus), "do": self.instructions(where)}
        first = {"when": self.chance.choice(GUARDS), "to": self.go(where, deep, menus)}
        return [first | {"do": self.instructions(where)}, {"else": self.go(where, 0, menus)}]

    # --- what is done ---

    def instructions(self, where: At) -> list[State]:
        return [self.instruction(where) for _ in range(self.chance.randint(1, 3))]

    def instruction(self, where: At) -> State:
        names = list(EVERYWHERE)
        if not where & at("N", "O") and _allowed("say", where):
            names += ["say", "say", "play", "play"]
        if not self.played:
            heard = (("dtmf", "sendDtmf"), ("record", "startRecording"), ("cookie", "setCookie"))
            names += [name for name, emitted in heard if _allowed(emitted, where)]
        name = self.chance.choice(names)
        return {name: self.value(name)}

    def value(self, name: str) -> Any:
        pick = self.chance.choice
        makers: dict[str, Callable[[], Any]] = {
            "say": lambda: pick(PROMPTS if not self.played else WORDS),
            "play": lambda: pick(("welcome.wav", ["hold", "https://cdn.example.com/a.mp3"])),
            "dtmf": lambda: pick(("ww12#", "{{ call.custom }}")),
            "record": lambda: pick(("start", "stop", {"transcribe": "en-US"}, {"notify": "false"})),
            "cookie": lambda: {"key": pick(("X-Tier", "step")), "value": "{{ tier }}"},
            "set": lambda: pick(SETS) if not self.played else {"count": "2"},
            "clear": lambda: pick(("tier", ["count", "picked"])),
            "send": lambda: {"to": "{{ call.cli }}", "text": pick(WORDS)},
            "log": lambda: pick(WORDS),
        }
        return makers[name]() if name in makers else pick(("vip", "news"))

    # --- states ---

    def grow(self, kind: str, position: Position, deep: int, menus: tuple[str, ...]) -> str:
        name = self.new(kind)
        state = self.states[name]
        if self.maybe(0.3) or kind == "plain":
            state["do"] = self.instructions(at(position))
        getattr(self, f"_{kind}")(name, state, position, deep - 1, menus)
        if not state.get("on", True):
            del state["on"]
        return name

    def _ends(self, state: State, *events: str) -> None:
        """The events that nobody hears, sometimes."""
        for event in events:
            if not self.played and self.maybe(0.3):
                state["on"][event] = self.handler(at("N"), 1, ())

    def _plain(self, name: str, state: State, position: Position, deep: int, menus: tuple[str, ...]) -> None:
        # back may only follow a menu, wherever this state is reached again.
        state["next"] = self.go(at(position), deep, menus)

    def _hours(self, name: str, state: State, position: Position, deep: int, menus: tuple[str, ...]) -> None:
        state["hours"] = "office"
        state["on"] = {each: self.handler(at(position), deep, menus) for each in ("open", "closed", "holiday")}

    def _random(self, name: str, state: State, position: Position, deep: int, menus: tuple[str, ...]) -> None:
        named = self.go(at(position), deep, menus)
        weights: State = {"left": 2, "right": 1}
        if named in self.states:
            weights[named] = 1
        state["random"] = weights | ({"into": "picked"} if self.maybe(0.3) else {})
        state["on"] = {each: self.handler(at(position), deep, menus) for each in ("left", "right")}
        if self.maybe(0.3):
            del state["on"]["right"]
            state["on"]["else"] = self.go(at(position), deep, menus)

    def _route(self, name: str, state: State, position: Position, deep: int, menus: tuple[str, ...]) -> None:
        whens = self.chance.sample(GUARDS, self.chance.randint(1, 2))
        ways = [{"when": when, "to": self.go(at(position), deep, menus)} for when in whens]
        state["route"] = [*ways, {"else": self.go(at(position), deep, menus)}]

    def _http(self, name: str, state: State, position: Position, deep: int, menus: tuple[str, ...]) -> None:
        pick = self.chance.choice
        url = pick(("https://crm.example.com/callers", "https://crm.example.com/{{ tier }}/{{ call.custom }}"))
        http: State = {pick(("get", "post", "put")): url, "timeout": "200ms"}
        if self.maybe(0.5):
            http["json"] = {"caller": "{{ call.cli }}", "all": ["{{ count }}", "{{ today }}", {"now": "{{ now }}"}]}
        if self.maybe(0.5):
            http["query"] = {"q": "{{ call.custom }}"}
        if self.maybe(0.3):
            http["headers"] = {"X-Note": "{{ call.custom }}", "Authorization": "Bearer {{ secret.TOKEN }}"}
        if self.maybe(0.2):
            http["wait"] = "false"
        elif self.maybe(0.6):
            http["save"] = {"tier": "{{ response.tier }}", "count": "{{ response.count }}"}
        state["http"] = http
        state["on"] = {"ok": self.handler(at(position), deep, menus)}
        if self.maybe(0.7) or position in ("O", "N"):
            state["on"]["error"] = self.again(position, deep, menus)

    def again(self, position: Position, deep: int, menus: tuple[str, ...]) -> Any:
        if self.maybe(0.3):
            return {"retry": self.chance.randint(1, 2), "then": self.leaf(at(position)), "log": "again"}
        return self.handler(at(position), deep, menus)

    def _function(self, name: str, state: State, position: Position, deep: int, menus: tuple[str, ...]) -> None:
        called = self.chance.choice(("price", "price", "broken", "odd"))
        state["function"] = {
            "name": called,
            "with": {"n": "{{ count }}", "who": "{{ call.cli }}"},
            "save": {"count": "{{ result.total }}", "tier": "{{ result.word }}"},
        }
        state["on"] = {
            "ok": self.handler(at(position), deep, menus),
            "error": self.again(position, deep, menus),
        }

    def _subflow(self, name: str, state: State, position: Position, deep: int, menus: tuple[str, ...]) -> None:
        if self.played or len(self.others) >= 3:
            state.setdefault("do", self.instructions(at(position)))
            state["next"] = self.go(at(position), deep, menus)
            return
        callee = f"part_{len(self.others)}"
        self.others[callee] = {}
        maker = Maker(self.chance, callee, self.others)
        self.others[callee] = maker.flow(position)
        state["subflow"] = {"flow": callee, "with": {"given": "{{ tier }}"}, "save": {"tier": "{{ result.word }}"}}
        state["on"] = {"done": self.leaf(self._anywhere(position))}
        for outcome in ("won", "lost"):
            state["on"][outcome] = self.handler(frozenset(maker.returned.get(outcome, {position})), deep, menus)
        if self.maybe(0.5):
            state["on"]["error"] = self.leaf(self._anywhere(position))

    def _anywhere(self, position: Position) -> At:
        return at(position, after_input(position)) if position not in ("N", "O") else at(position)

    def _menu(self, name: str, state: State, position: Position, deep: int, menus: tuple[str, ...]) -> None:
        after = at(after_input(position))
        path = (*menus, name)
        on: State = {}
        choices: State = {}
        for key in self.chance.sample("1234567890*#", self.chance.randint(1, 4)):
            self._choice(key, choices, on, after, deep, path)
        menu: State = {"prompt": self.chance.choice(PROMPTS), "choices": choices}
        if self.maybe(0.3):
            menu["repeat_prompt"] = self.chance.choice(WORDS)
        if self.maybe(0.3):
            menu |= {"barge": "false", "repeats": 1, "timeout": "8s"}
        if self.maybe(0.2):
            menu |= {"speech": "true", "max_timeout": "20s"}
        if self.maybe(0.2):
            menu["into"] = "picked"
        if self.maybe(0.2):
            on["chosen"] = self.go(after, 0, path)
        state["menu"] = menu
        state["on"] = on
        self._unheard(on, after, deep, path)
        if not self.played and self.maybe(0.15):
            state["visits"] = {"max": self.chance.randint(1, 3), "then": self.leaf(after | at(position))}

    def _choice(self, key: str, choices: State, on: State, after: At, deep: int, path: tuple[str, ...]) -> None:
        roll = self.chance.random()
        value = f"key_{len(choices)}"
        if roll < 0.1:
            value = self.chance.choice(("repeat", "back"))
            choices.setdefault(value, key)
            return
        if roll < 0.4:
            target = self.go(after, deep, path)
            if target in self.states:
                choices.setdefault(target, key)
                return
            on[value] = target
        elif roll < 0.6:
            on[value] = self.chance.choice((*path, "back"))
        else:
            on[value] = self.handler(after, deep, path)
        choices[value] = key

    def _unheard(self, on: State, after: At, deep: int, path: tuple[str, ...]) -> None:
        """Silence, wrong keys, errors and hanging up."""
        for event in ("timeout", "invalidinput"):
            roll = self.chance.random()
            if roll < 0.3:
                retry = {"retry": self.chance.randint(1, 2), "then": self.leaf(after)}
                on[event] = retry | {"do": self.instructions(after)}
            elif roll < 0.6:
                on[event] = self.handler(after, min(deep, 1), ())
        if self.maybe(0.2):
            on["error"] = self.go(after, 0, ())
        if self.maybe(0.2):
            on["else"] = self.go(after, 0, ())
        self._ends({"on": on}, "hangup", "disconnected")

    def _collect(self, name: str, state: State, position: Position, deep: int, menus: tuple[str, ...]) -> None:
        after = at(after_input(position))
        path = (*menus, name)
        length = self.chance.choice(("4", "3..6", "1..20"))
        state["collect"] = {"prompt": self.chance.choice(PROMPTS), "digits": length, "into": "pin"}
        if self.maybe(0.2):
            state["collect"]["matches"] = "[0-9]+"
        right = {"when": 'pin == "0000"', "to": self.go(after, deep, path)}
        other = {"else": self.go(after, deep, path)}
        said = {"to": self.go(after, deep, path), "say": "{{ pin | spell }}"}
        state["on"] = {"digits": self.chance.choice(([right, other], said))}
        self._unheard(state["on"], after, deep, path)

    def _voicemail(self, name: str, state: State, position: Position, deep: int, menus: tuple[str, ...]) -> None:
        after = at(after_input(position))
        keys = self.chance.choice(("any", "#", ["1", "*"]))
        state["voicemail"] = {"max": self.chance.choice(("20s", "60s", "180s")), "keys": keys}
        state["on"] = {}
        if self.maybe(0.6):
            state["on"]["recorded"] = self.handler(after, deep, menus)
        self._late(state)
        self._ends(state, "hangup", "disconnected")

    def _late(self, state: State) -> None:
        if self.maybe(0.4):
            state["on"]["recording_available"] = self.chance.choice(
                (self.quiet(), {"log": "{{ event.destination | default('') }}"})
            )

    def _connect(self, name: str, state: State, position: Position, deep: int, menus: tuple[str, ...]) -> None:
        kind = self.chance.choice(_ADDRESSES[position])
        to = self.chance.choice([each for each, its in KIND_OF.items() if its == kind])
        connect: State = {"to": to} | self._settings(kind)
        state["connect"], state["on"] = connect, {}
        silent = kind in ("user", "stream") or "suppress_callbacks" in connect
        if self.maybe(0.3):
            state["on"]["error"] = self.handler(at(position), deep, menus)
        if not silent:
            self._verdicts(state["on"], connect.get("amd"), "B", deep)
        if "suppress_callbacks" not in connect:
            self._ends(state, *(["hangup"] if connect.get("amd") and not silent else []), "disconnected")

    def _settings(self, kind: str) -> State:
        found: State = {}
        if kind == "number":
            if self.maybe(0.6):
                found["amd"] = self.chance.choice(("sync", "async"))
            if self.maybe(0.3):
                found |= {"dial_timeout": "25s", "indications": "se", "dtmf": "w1#"}
            if self.maybe(0.3):
                found["cli"] = self.chance.choice(("private", "{{ call.cli }}", "{{ friend }}"))
        if kind in ("number", "sip") and self.maybe(0.15) and "amd" not in found:
            found["suppress_callbacks"] = "true"
        if kind == "sip" and self.maybe(0.5):
            found |= {"transport": "TLS", "moh": "music1"}
        if kind in ("sip", "user", "stream") and self.maybe(0.5):
            found["call_headers"] = {"X-Note": "{{ call.custom }}"}
        if kind == "stream":
            found["streaming"] = {"version": 1, "sample_rate": 16000}
        elif kind != "user" and self.maybe(0.3):
            found["max_duration"] = "1h"
        return found

    def _verdicts(self, on: State, amd: str | None, answered: Position, deep: int, must: bool = False) -> None:
        """Handlers for who picked up; ``must``: nothing may be left open."""
        if amd != "sync" and ((must and amd is None) or self.maybe(0.6)):
            on["answered"] = self.handler(at(answered), deep, ())
        where = at(answered, "L") if amd == "async" else at(answered)
        for event in ("human", "machine", "notsure") if amd else ():
            if (must and event != "notsure") or self.maybe(0.6):
                on[event] = self.handler(where, deep, ())
        if must and amd == "async":
            on.setdefault("answered", "continue")
        if amd == "async" and self.maybe(0.7):
            on["beep"] = self.stay(at("L")) if self.maybe(0.3) else self.handler(at("L"), deep, ())

    def stay(self, where: At) -> State:
        """A handler without a target."""
        return {"do": self.instructions(where)}

    def _dial(self, name: str, state: State, position: Position, deep: int, menus: tuple[str, ...]) -> None:
        kind = self.chance.choice(_ADDRESSES["O"])
        to = self.chance.choice([each for each, its in KIND_OF.items() if its == kind])
        dial: State = {"to": to} | self._settings(kind)
        dial.pop("suppress_callbacks", None)
        state["dial"], state["on"] = dial, {"error": "end"}
        state["visits"] = {"max": 2, "then": "end"}
        if kind != "user":
            self._verdicts(state["on"], dial.get("amd"), "A", deep, must=True)
        if self.maybe(0.4):
            again = self.new("again")
            self.states[again] = {"wait": {"for": "15m"}, "on": {"elapsed": name}}
            state["on"]["disconnected"] = [{"when": "not call.answered", "to": again}, {"else": "end"}]
        else:
            self._ends(state, "disconnected")

    def _conference(self, name: str, state: State, position: Position, deep: int, menus: tuple[str, ...]) -> None:
        room: State = {"id": self.chance.choice(("lobby", "room-{{ call.custom }}", "{{ call.custom }}"))}
        state["on"] = {}
        if self.maybe(0.6):
            room["until"] = ["moved", "noted"]
            state["on"]["moved"] = self.handler(at("C"), deep, ())
            state["on"]["noted"] = self.stay(at("C")) if self.maybe(0.5) else self.handler(at("C"), deep, ())
            if self.maybe(0.3):
                state["on"]["error"] = self.leaf(at(position, "N"))
        if self.maybe(0.5):
            room["dtmf"] = {"mode": "detect", "max_digits": 2}
            state["on"]["digits"] = self.chance.choice((self.quiet(), self.stay(at("N"))))
        if self.maybe(0.4):
            room["moh"] = "music1"
        state["conference"] = room
        self._ends(state, "disconnected")

    def _park(self, name: str, state: State, position: Position, deep: int, menus: tuple[str, ...]) -> None:
        park: State = {"max": self.chance.choice(("60s", "600s"))}
        if self.maybe(0.6):
            park |= {"intro": "Please hold.", "hold": self.chance.choice(PROMPTS)}
        state["on"] = {"elapsed": self.handler(at("K"), deep, ())}
        if self.maybe(0.6):
            park["until"] = "ready"
            state["on"]["ready"] = self.handler(at("K"), deep, ())
        if self.maybe(0.3):
            state["on"]["error"] = self.leaf(at("N"))
        state["park"] = park
        self._ends(state, "disconnected")

    def _wait(self, name: str, state: State, position: Position, deep: int, menus: tuple[str, ...]) -> None:
        wait: State = {"for": self.chance.choice(("5s", "20s", "15m"))}
        if self.played:
            state["wait"], state["on"] = wait, {"elapsed": self.leaf(at(position))}
            return
        if position in ("N", "O"):
            after: Position = "O" if self.outbound else "N"
            state["wait"], state["on"] = wait, {"elapsed": self.go(at(after), deep, ())}
            return
        on: State = {}
        if self.maybe(0.4):
            wait["choices"] = {"skip": 1}
            on["skip"] = self.handler(at(after_input(position)), deep, menus)
        after = "K" if position in ("I", "K") and "choices" not in wait else after_input(position)
        on["elapsed"] = self.handler(at(after), deep, menus)
        if self.maybe(0.5):
            wait["until"] = "ready"
            on["ready"] = self.handler(at(after), deep, menus)
        if self.maybe(0.5):
            wait["play"] = self.chance.choice(PROMPTS)
        state["wait"], state["on"] = wait, on
        self._ends(state, "hangup", "disconnected")

    def _svaml(self, name: str, state: State, position: Position, deep: int, menus: tuple[str, ...]) -> None:
        action = self.chance.choice([each for each in RAW if PERMISSION[each][position] != "-"])
        after = "A" if position == "O" else "B"
        raw: State = {"action": {"name": action, **RAW[action]}}
        heard = ("say", "playFiles", "sendDtmf", "setCookie", "startRecording", "stopRecording", "answer")
        legal = [each for each in heard if _allowed(each, at(position)) and position != "O"]
        if legal and self.maybe(0.6):
            raw["instructions"] = [RAW_INSTRUCTIONS[each] for each in self.chance.sample(legal, 1)]
        state["svaml"], state["on"] = raw, {}
        if action == "runMenu":
            state["on"]["yes"] = self.handler(at(after_input(position)), deep, menus)
        elif action in ("connectPstn", "connectSip"):
            state["on"]["answered"] = self.handler(at(after), deep, ())
        if action not in ("hangup", "continue"):
            self._ends(state, "disconnected")


SETS: tuple[State, ...] = (
    {"tier": "gold"},
    {"count": "{{ count + 1 }}"},
    {"call.language": "es-ES", "tier": "{{ call.custom }}"},
    {"contact.booking": "{{ call.custom | upper }}"},
    {"tier": "{{ now | date }} {{ today }}", "picked": "{{ today }}"},
)
CALENDARS = {
    "office": {
        "timezone": "Europe/Stockholm",
        "open": {"mon-fri": "09:00-17:00"},
        "holidays": ["2026-12-24", {"date": "2026-12-31", "open": "09:00-12:00"}],
    }
}
_STORE = {"destinationUrl": "s3://acme/raw.mp3", "credentials": "{{ secret.RECORDINGS }}"}
RAW: dict[str, State] = {
    "hangup": {},
    "continue": {},
    "connectPstn": {"number": "+12025550111", "dialTimeout": 20, "locale": "en-US"},
    "connectSip": {"destination": {"type": "Sip", "endpoint": "desk@pbx.example.com"}},
    "connectMxp": {"destination": {"type": "username", "endpoint": "ann"}},
    "connectStream": {"destination": {"type": "Websocket", "endpoint": "wss://bot.example.com/voice"}},
    "connectConf": {"conferenceId": "raw", "moh": "ring"},
    "park": {"holdPrompt": "#tts[Hold {{ call.custom }}]", "maxDuration": 60},
    "runMenu": {
        "locale": "en-US",
        "menus": [
            {
                "id": "main",
                "mainPrompt": "#tts[{{ call.custom }}];welcome.wav",
                "options": [{"dtmf": "1", "action": "return(yes)"}, {"dtmf": "2", "action": "menu(more)"}],
            },
            {"id": "more", "mainPrompt": "#tts[More.]", "options": [{"dtmf": "1", "action": "return(yes)"}]},
        ],
    },
}
RAW_INSTRUCTIONS: dict[str, State] = {
    "answer": {"name": "answer"},
    "say": {"name": "say", "text": "Raw.", "locale": "en-US"},
    "playFiles": {"name": "playFiles", "ids": ["#tts[{{ call.custom }}]"], "locale": "en-US"},
    "sendDtmf": {"name": "sendDtmf", "value": "1w2"},
    "setCookie": {"name": "setCookie", "key": "raw", "value": "1"},
    "startRecording": {"name": "startRecording", "options": _STORE},
    "stopRecording": {"name": "stopRecording"},
}


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def text_of(flow: State) -> str:
    return yaml.dump(flow, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=10_000)


def project_of(flows: Iterable[State], outbound: bool = False) -> Generated:
    files = {f"{flow['flow']}.yaml": text_of(flow) for flow in flows}
    files |= {"flowengine.yaml": SHARED, "functions.py": FUNCTIONS}
    return Generated(files, outbound=outbound)


def generate(chance: Random) -> Generated:
    """One project, every decision of which is taken by ``chance``."""
    outbound = chance.random() < 0.3
    others: dict[str, State] = {}
    main = Maker(chance, "main", others, outbound).flow("O" if outbound else "I")
    return project_of([main, *others.values()], outbound)


def chances() -> st.SearchStrategy[Random]:
    """One number decides a whole flow or call: drawing every decision is slower and finds no more."""
    return st.integers(0, 2**64 - 1).map(Random)


def projects() -> st.SearchStrategy[Generated]:
    """Projects, most of which the project's own checks accept."""
    return chances().map(generate)
