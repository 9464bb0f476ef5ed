"""
```yaml
main:
  menu:
    prompt: For sales press 1, for service press 2, to hear this again press 9.
    choices: { sales: 1, service: 2, repeat: 9 }
  on: { service: help, timeout: bye, invalidinput: bye }
```
Asks for one key. A choice value is an event and, without a handler, the state of that name. `repeat` says the
prompt again, `back` returns to the menu before; neither counts as a visit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowengine.callbacks import Callback
from flowengine.document import Map, Text
from flowengine.fields import (
    BOOL,
    PROMPT,
    PROSE,
    Constant,
    Duration,
    Field,
    Integer,
    ListOf,
    Name,
    OneOf,
    Reader,
    Record,
    meant,
)
from flowengine.lowering import lower, lower_fields
from flowengine.model import Choice, Flow, Part, Prompt, Source, State
from flowengine.states.base import (
    DISCONNECTED,
    HANGUP,
    INPUT_ERROR,
    INVALID,
    STALE,
    TIMEOUT,
    Heard,
    Kind,
    Outcome,
    spoken,
)
from flowengine.states.choices import CHOICES, RESERVED
from flowengine.states.menu_templates import ARGUMENTS, TEMPLATES, fixed, languages, wanted
from flowengine.svaml import Position

PIE_EVENTS = {"timeout": "timeout", "invalidinput": "invalidinput", "hangup": "hangup"}


class Menu(Kind):
    name = "menu"
    glyph = "#"
    family = "wait"
    waits = True
    fields = Record(
        (
            Field("prompt", PROMPT, "what the caller hears"),
            Field("repeat_prompt", PROMPT, "said after silence or a wrong key", shown="the prompt"),
            Field("choices", CHOICES, "values and the key of each"),
            Field("repeats", Integer(0, 5), "how often the prompt is repeated", default=2),
            Field("timeout", Duration(1, 30), "silence that counts as no answer", default=5.0),
            Field("max_timeout", Duration(1, 60), "overall limit of one try, with `speech`", shown="20 s"),
            Field("barge", BOOL, "whether a key may interrupt the prompt", default=True),
            Field("speech", BOOL, "whether spoken digits count as keys (billed)", default=False),
            Field("into", Name("a variable"), "keeps the chosen value"),
            Field("template", OneOf(TEMPLATES), "a ready-made menu in place of `prompt` and `choices`"),
            Field("company", PROSE, "for `business` and `after_hours`"),
            Field("question", PROSE, "for `yes_no`"),
            Field("hours", PROSE, "for `after_hours`"),
            Field(
                "languages",
                ListOf(Constant(what="a language such as es-ES")),
                "for `language`",
                shown="the flow's",
            ),
        ),
        "menu",
    )

    def check(self, config: Mapping[str, Any], node: Map, reader: Reader) -> None:
        template = config["template"]
        if template is None:
            for needed in ("prompt", "choices"):
                if needed not in node.entries and needed not in meant(node, self.fields.named()):
                    fix = "add it, or use a template"
                    reader.problem("missing-key", node, f'the menu has no "{needed}"', fix)
            written = node.entries.get("choices")
            if config["choices"] == () and isinstance(written, Map) and not written.entries:
                reader.problem("missing-key", node, "the menu has no choices", "add one, such as { sales: 1 }")
            return
        for argument in wanted(template):
            if argument not in node.entries:
                message = f'the menu template "{template}" needs "{argument}"'
                reader.problem("missing-key", node, message, f"add {argument}: …")

    def settle(self, config: dict[str, Any], flow: Mapping[str, Any]) -> dict[str, Any]:
        if config["template"] is None:
            return config
        if config["template"] == "language":
            return _language_menu(config, tuple(config["languages"] or flow["languages"]))
        words = {name: config[name].text for name in ARGUMENTS if config[name] is not None}
        if set(wanted(config["template"])) - set(words):
            return config
        wording, keys = fixed(config["template"], words)
        return _filled(config, wording, keys)

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        choices = [
            Outcome(each.value, ("input",), choice=True, label=each.key)
            for each in state.config["choices"] or ()
            if each.value not in RESERVED
        ]
        chosen = [Outcome("chosen", ("input",), "none")] if choices else []
        return (*choices, *chosen, TIMEOUT, INVALID, INPUT_ERROR, HANGUP, DISCONNECTED)

    def actions(self, state: State, flow: Flow, position: Position) -> tuple[str, ...]:
        return ("runMenu",)

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        config = state.config
        choices = config["choices"] or ()
        return {
            "prompt": lower(config["prompt"]),
            **({"repeat_prompt": lower(config["repeat_prompt"])} if config["repeat_prompt"] else {}),
            "choices": {each.value: each.key for each in choices},
            **lower_fields(config, "repeats", "timeout", "max_timeout", "barge", "speech", "into"),
            **({"languages": config["language_of"]} if "language_of" in config else {}),
        }

    def run(self, op: Any, call: Any) -> str | None:
        call.place_menu(op)
        return None

    def hear(self, op: Any, call: Any, callback: Callback) -> Heard:
        kind = callback.menu_type
        if kind == "return":
            known = callback.menu_value in op["choices"]
            return Heard(callback.menu_value) if known else Heard("invalidinput")
        if kind == "sequence":
            return STALE
        return Heard(PIE_EVENTS.get(kind, "error"))

    def summary(self, state: State, flow: Flow) -> str:
        return spoken(state.config["prompt"], flow)


def menu_entry(op: Any, menu_id: str, call: Any, jumps: Mapping[str, str]) -> dict[str, Any]:
    """One entry of ``runMenu.menus``; ``jumps`` maps choice values to the id of the menu they go to."""
    entry: dict[str, Any] = {"id": menu_id, **prompts_of(op, call)}
    entry.update(repeats=op["repeats"], timeoutMills=int(op["timeout"] * 1000))
    if op["speech"] and op.get("max_timeout"):
        entry["maxTimeoutMills"] = int(op["max_timeout"] * 1000)
    entry["options"] = [
        {"dtmf": key, "action": f"menu({jumps[value]})" if value in jumps else f"return({value})"}
        for value, key in op["choices"].items()
    ]
    return entry


def prompts_of(op: Any, call: Any) -> dict[str, str]:
    """``mainPrompt`` and ``repeatPrompt``, none where nothing is said."""
    main = call.prompt(op["prompt"])
    again = call.prompt(op["repeat_prompt"]) if "repeat_prompt" in op else main
    return {name: text for name, text in (("mainPrompt", main), ("repeatPrompt", again)) if text}


def run_menu(menus: list[dict[str, Any]], locale: str, barge: bool, speech: bool) -> dict[str, Any]:
    """The ``runMenu`` action; the first menu is always called ``main``."""
    return {
        "name": "runMenu",
        "barge": barge,
        "locale": locale,
        "mainMenu": "main",
        "enableVoice": speech,
        "menus": menus,
    }


def _filled(config: dict[str, Any], wording: str, keys: Mapping[str, str]) -> dict[str, Any]:
    mark = config["template_mark"]
    prompt = Prompt({"": (Part("say", Source(wording, mark)),)}, mark)
    choices = tuple(Choice(value, key, mark) for value, key in keys.items())
    return {**config, "prompt": config["prompt"] or prompt, "choices": config["choices"] or choices}


def _language_menu(config: dict[str, Any], tags: tuple[str, ...]) -> dict[str, Any]:
    mark = config["template_mark"]
    rows = languages(tags)
    filled = _filled(config, "", {value: key for value, key, _, _ in rows})
    if config["prompt"] is None:
        parts = tuple(Part("say", Source(sentence, mark)) for _, _, _, sentence in rows)
        filled["prompt"] = Prompt({"": parts}, mark)
    filled["language_of"] = {value: tag for value, _, tag, _ in rows}
    return filled


def template_mark(node: Map) -> Any:
    """Where a menu's ``template`` is written."""
    return node.entries["template"].mark if isinstance(node.entries.get("template"), Text) else node.mark
