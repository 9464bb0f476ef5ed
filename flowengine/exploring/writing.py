"""Plays → scenarios: what was done, what was observed, and the world around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from flowengine.exploring.holding import Broke
from flowengine.exploring.plans import Plan
from flowengine.exploring.playing import ACCEPTS, REFUSES, Ground, Play
from flowengine.exploring.shrinking import shortened
from flowengine.model import NOWHERE
from flowengine.project import shown_path
from flowengine.scenarios.coverage import Item
from flowengine.scenarios.model import Answer, Scenario, Server, Step, Stub
from flowengine.scenarios.observed import expecting
from flowengine.scenarios.reading import read_suite
from flowengine.scenarios.running import run
from flowengine.scenarios.survey import survey
from flowengine.scenarios.writing import insert_scenario
from flowengine.simulator import CannotAct, Seen
from flowengine.stage import Theatre

LONGEST_NAME = 120


def scenario_of(play: Play, name: str, expects: bool = True) -> Scenario:
    """A play as a scenario. ``expects``: with all that was observed, and where it stood at the end."""
    ground, world = play.ground, play.stage.world
    flow = ground.flow
    used = {key for done in play.done for key in done.used}
    return Scenario(
        name,
        NOWHERE,
        str(test_file(flow.file)),
        flow.name,
        world.now,
        tuple(_steps(play, expects)),
        tuple(_servers(play)),
        {each.name: each for each in _stubs(play, used)},
        {name: each for name, each in world.random.items() if f"random {name}" in used},
        world.contact,
        {name: each for name, each in world.env.items() if each != "test"},
    )


def test_file(flow: str) -> Path:
    """Where the scenarios of a flow stand."""
    path = Path(flow)
    return path.with_name(f"{path.stem}.test.yaml")


def _steps(play: Play, expects: bool) -> Iterator[Step]:
    for done in play.done:
        if done.act.refused:
            yield REFUSES
        yield done.act.step
        if expects:
            yield from filter(None, map(_expecting, done.seen))
        if done.act.refused:
            yield ACCEPTS
    session = play.stage.session
    if expects and session is not None and session.place and not play.over and not play.done[-1].act.refused:
        yield Step("state", session.place)


def _expecting(seen: Seen) -> Step | None:
    found = expecting(seen)
    if found is None or not isinstance(found.value, dict) or found.value.get("text") != "":
        return None if found is not None and found.value == "" else found
    value = {name: each for name, each in found.value.items() if name != "text"}
    return Step(found.word, value) if value else None


def _servers(play: Play) -> Iterator[Server]:
    """Every server that was asked, with its answers in turn; those that are all alike are one."""
    asked: dict[tuple[str, str], list[Answer]] = {}
    for done in play.done:
        for seen in done.seen:
            if seen.kind == "requests":
                request, response = seen.more
                answer = Answer(failure="timeout") if response.failure else Answer(response.status, response.data)
                asked.setdefault((request.method.upper(), request.url.partition("?")[0]), []).append(answer)
    for (method, url), answers in asked.items():
        while len(answers) > 1 and answers[-1] == answers[-2]:
            answers.pop()
        yield Server(method, url, tuple(answers))


def _stubs(play: Play, used: set[str]) -> Iterator[Stub]:
    setting = dict(play.setting)
    for key in sorted(used):
        if key.startswith("function "):
            yield play.ground.worlds.options[key][setting.get(key, 0)]


# --- few scenarios that try all ----------------------------------------------------------------------------


def chosen(plays: Sequence[tuple[Plan, frozenset[Item]]], known: Iterable[Item]) -> list[tuple[Plan, list[Item]]]:
    """A few of the plays that together try all that any of them tries beside what is ``known``, and what each adds."""
    left = {each for _, items in plays for each in items} - set(known)
    found: list[tuple[Plan, list[Item]]] = []
    while left:
        plan, items = max(plays, key=lambda each: (len(each[1] & left), -len(each[0].acts)))
        added = items & left
        if not added:
            break
        found.append((plan, sorted(added, key=_by_place)))
        left -= added
    return found


def _by_place(item: Item) -> tuple[bool, object, str]:
    return (item.what != "transition", item.mark, item.text)


def scenarios(
    ground: Ground, plays: Sequence[tuple[Plan, frozenset[Item]]], known: Iterable[Item], taken: Iterable[str]
) -> list[Scenario]:
    """Scenarios that try what no scenario does yet, each as short as it can be; names in ``taken`` are left alone."""
    names = set(taken)
    found: list[Scenario] = []
    for plan, added in sorted(chosen(plays, known), key=lambda each: _title(each[1]).mark):
        played = _played(ground, shortened(plan, _tries(ground, frozenset(added))))
        if played is not None:
            found.append(scenario_of(played, _name(added, names)))
            names.add(found[-1].name)
    return found


def _tries(ground: Ground, items: frozenset[Item]) -> Callable[[Plan], Plan | None]:
    def test(plan: Plan) -> Plan | None:
        play = _played(ground, plan)
        return play.plan if play is not None and items <= play.tried() else None

    return test


def _played(ground: Ground, plan: Plan) -> Play | None:
    try:
        return ground.play(plan)
    except (Broke, CannotAct):
        return None


def _title(added: Sequence[Item]) -> Item:
    """What a scenario is about: the last way it goes that was chosen by something that happened."""
    ways = [each for each in added if each.what == "transition"]
    happened = [each for each in ways if each.event not in ("next", "route")]
    return (happened or ways or list(added))[-1]


def _name(added: Sequence[Item], names: set[str]) -> str:
    """Such as ``main: service (key 2) -> ask_pin``."""
    base = _title(added).text[:LONGEST_NAME].rstrip()
    name, number = base, 2
    while name in names:
        name, number = f"{base} ({number})", number + 1
    return name


def add_scenarios(ground: Ground, theatre: Theatre, plays: Sequence[tuple[Plan, frozenset[Item]]]) -> list[Scenario]:
    """Append scenarios for what none beside the flow, or beside those it plays, tries yet; what was added.

    Raises :class:`~flowengine.project.UsageError` where the file has problems of its own or cannot be written.
    """
    path = test_file(ground.flow.file)
    known = survey(ground.book, [ground.flow.name])
    names: list[str] = []
    for file in dict.fromkeys(test_file(ground.book.flows[name].file) for name in known.wanted):
        suite = read_suite(file, shown_path(file)) if file.exists() else None
        if suite is None or suite.problems:
            continue
        names += [each.name for each in suite.scenarios if file == path]
        for each in suite.scenarios:
            run(theatre, each, ground.book, known)
    found = scenarios(ground, plays, known.counts, names)
    for each in found:
        insert_scenario(path, each)
    return found
