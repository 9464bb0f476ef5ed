"""An answer in one sentence, for people who look at a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowengine.prompts import heard
from flowengine.svaml import chosen


def in_short(svaml: Mapping[str, Any]) -> str:
    """``the caller hears “Hello.”, then a menu: 1 sales, 2 service``."""
    told = [words for each in svaml.get("instructions") or () if (words := _instruction(each))]
    action = _action(svaml["action"])
    if told:
        return f"the caller {', '.join(told)}, then {action}"
    return f"the caller {action}" if action.startswith(("is ", "enters ")) else action


def _instruction(each: Mapping[str, Any]) -> str:
    name = each.get("name")
    if name == "say":
        return f"hears “{each.get('text', '')}”"
    if name == "playFiles":
        return f"hears {' '.join(_prompt(prompt) for prompt in each.get('ids', ()))}"
    said = {"startRecording": "is recorded", "stopRecording": "is no longer recorded", "sendDtmf": "is sent tones"}
    return said.get(str(name), "")


def _prompt(text: str) -> str:
    spoken = ("tts", "ssml")
    return " ".join(f"“{words}”" if kind in spoken else f"({kind} {words})" for kind, words in heard(text))


def _action(action: Mapping[str, Any]) -> str:
    name = str(action.get("name"))
    if name == "runMenu":
        return _menu(action)
    if name == "connectPstn":
        return f"is connected to {action.get('number')}"
    if name in ("connectSip", "connectMxp", "connectStream"):
        return f"is connected to {action.get('destination', {}).get('endpoint')}"
    if name == "connectConf":
        return f"enters the room {action.get('conferenceId')}"
    if name == "park":
        return f"is parked: {_prompt(action.get('holdPrompt', '')) or 'silence'}"
    return {"hangup": "the call ends", "continue": "the call goes on"}.get(name, name)


def _menu(action: Mapping[str, Any]) -> str:
    menus: list[Mapping[str, Any]] = action.get("menus") or []
    main: Mapping[str, Any] = next((menu for menu in menus if menu.get("id") == "main"), {})
    words = _prompt(main.get("mainPrompt", ""))
    keys = [f"{each['dtmf']} {chosen(each['action'])[1]}" for each in main.get("options", ())]
    what = f"a menu: {', '.join(keys)}" if keys else f"a wait for {_count(main.get('maxDigits', 1))}"
    return f"{what} {words}".rstrip()


def _count(most: int) -> str:
    return "one key" if most == 1 else f"up to {most} keys"
