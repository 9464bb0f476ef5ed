"""What an exploration came to, as text and as JSON data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowengine.exploring.exploration import Exploration, Finding
from flowengine.exploring.playing import Ground, Play
from flowengine.report import Paint, counted, printable
from flowengine.scenarios.coverage import Item
from flowengine.scenarios.model import Scenario
from flowengine.scenarios.running import Act, Played
from flowengine.scenarios.telling import transcript
from flowengine.scenarios.writing import scenario_text

UNSAID = float("-inf")
"""The moment of a file that may say any: the scenario to paste into it says its own."""


def lines(found: Exploration, paint: Paint) -> Iterator[str]:
    """What does not hold, what was never reached, and how much was looked at."""
    for finding in found.findings:
        yield from _finding(finding, found.ground, paint)
    missing = list(_missing(found))
    if missing:
        yield paint("Never reached:", "bold")
        yield from (printable(f"  {each.mark}  {each.text}") for each in missing)
        yield ""
    yield paint(sentence(found), "bold", "red" if found.findings else "green")


def _finding(finding: Finding, ground: Ground, paint: Paint) -> Iterator[str]:
    mark = finding.fault.mark
    where = paint(f"{mark.file}:{mark.line}", "yellow")
    yield f"{paint('FAIL', 'bold', 'red')} {where}: {printable(finding.fault.sentence)}"
    yield ""
    yield from transcript(played(ground, finding), ground.book, paint)
    yield ""
    yield paint(f"As a scenario, for {finding.scenario.file}:", "dim")
    yield from scenario_text(finding.scenario, now=UNSAID).splitlines()
    yield ""


def played(ground: Ground, finding: Finding) -> Played:
    """The conversation in which it shows."""
    with ground.forgiving(finding.behind):
        play = ground.replayed(finding.plan)
    return _as_played(play, finding.scenario)


def _as_played(play: Play, scenario: Scenario) -> Played:
    acts = [Act(each.act.step, each.at, each.seen, each.turns) for each in play.done]
    return Played(scenario, acts)


def _missing(found: Exploration) -> list[Item]:
    """The ways that were never taken; a state that was never entered in place of all its ways."""
    if not found.known:
        return []
    missing = found.ground.coverage.missing()
    unseen = {(each.flow, each.state) for each in missing if each.what == "state"}
    return [
        each
        for each in missing
        if each.what == "state" or (each.what == "transition" and (each.flow, each.state) not in unseen)
    ]


def sentence(found: Exploration) -> str:
    """``353 plays of hello: 27 of 27 transitions, 57 situations, 1.4 s; nothing broke, and all 2 properties held.``"""
    tried, of = found.ground.coverage.share("transition")
    random = f" and {found.random} at random" if found.random else ""
    walked = counted(found.plays - found.random, "play")
    ways = f"{tried} of {counted(of, 'transition')}"
    where = counted(found.situations, "situation")
    played = f"{walked}{random} of {found.ground.flow.name}"
    return f"{played}: {ways}, {where}{_left(found)}, {found.seconds:.1f} s; {_held(found)}."


def _left(found: Exploration) -> str:
    return "" if found.whole or found.enough else " (there was more to try; --seconds gives it more time)"


def _held(found: Exploration) -> str:
    """What of it held, and no more than was looked at."""
    number = len(found.findings)
    if found.enough:
        return f"stopped after {counted(number, 'failure')}"
    if number:
        return f"{counted(number, 'thing')} did not hold"
    properties = len(found.ground.flow.properties)
    if not properties:
        return "nothing broke (the flow declares no properties: docs/testing.md)"
    return f"nothing broke, and {'its property' if properties == 1 else f'all {properties} properties'} held"


def as_data(found: Exploration, written: list[Scenario]) -> dict[str, Any]:
    """The same facts as JSON data."""
    coverage = found.ground.coverage
    tried, of = coverage.share("transition")
    return {
        "flow": found.ground.flow.name,
        "plays": found.plays - found.random,
        "random": found.random,
        "situations": found.situations,
        "whole": found.whole,
        "stopped": found.enough,
        "transitions": {"tried": tried, "all": of},
        "missing": [_item(each) for each in _missing(found)],
        "failures": [_failure(each) for each in found.findings],
        "written": [each.name for each in written],
        "seconds": round(found.seconds, 3),
    }


def _item(item: Item) -> dict[str, Any]:
    place = {"file": item.mark.file, "line": item.mark.line, "column": item.mark.column}
    return {"what": item.what, "flow": item.flow, "state": item.state, "event": item.event, **place, "text": item.text}


def _failure(finding: Finding) -> dict[str, Any]:
    fault = finding.fault
    place = {"file": fault.mark.file, "line": fault.mark.line, "column": fault.mark.column}
    return {
        "kind": fault.kind,
        "sentence": fault.sentence,
        **place,
        "scenario": scenario_text(finding.scenario, 0, UNSAID),
    }
