"""What was observed, as the step that expects it: how a play becomes a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowengine.scenarios.matching import KINDS, fits, nearest
from flowengine.scenarios.steps import Step
from flowengine.simulator import Seen
from flowengine.stage import Stage


def expecting(seen: Seen) -> Step | None:
    """The step that this observation fits; None for what no step can say (tones, the end of a recording)."""
    if seen.kind == "hears":
        return Step("asks", {"text": seen.text}) if seen.asks else Step("hears", seen.text)
    if seen.kind == "reads":
        choices = {"choices": seen.choices} if seen.choices else {}
        return Step("asks" if seen.asks else "reads", {"text": seen.text, **choices})
    if seen.kind == "sends":
        return Step("sends", {"to": f"+{seen.name}" if seen.name.isdigit() else seen.name, "text": seen.text})
    if seen.kind == "requests":
        method, _, url = seen.text.partition(" ")
        return Step("requests", {"method": method, "url": url})
    if seen.kind in ("connects", "rings"):
        return Step("connects to" if seen.kind == "connects" else "rings", seen.name or seen.text)
    if seen.kind == "joins":
        return Step("joins", seen.text)
    return Step(seen.kind) if seen.kind in KINDS else None


def instead(step: Step, stage: Stage, at: int, later: Sequence[Step] = ()) -> Step | None:
    """What came in place of an observation that did not fit, said with the same word; None: nothing of its sort.

    What was heard before, and what fits a ``later`` observation of the same act, is not meant.
    """
    now = _now(step, stage)
    if now is not None or step.word not in KINDS:
        return now
    kinds, before = KINDS[step.word], {each.text for each in stage.seen[:at]}
    alike = [each for each in stage.seen[at:] if each.kind in kinds and (each.asks or step.word != "asks")]
    fresh = [each for each in alike if each.text not in before and not any(fits(more, each) for more in later)]
    found = nearest(step, fresh or alike)
    return None if found is None else _worded(step, found)


def _worded(step: Step, seen: Seen) -> Step | None:
    if step.word in ("asks", "reads"):
        told: dict[str, Any] = {"text": seen.text}
        told |= {name: seen.choices for name in ("choices", "keys") if name in step.value}
        return Step(step.word, told)
    if step.word == "hears":
        return Step("hears", seen.text)
    found = expecting(seen)
    if found is None or not isinstance(step.value, dict):
        return found
    return Step(step.word, {name: each for name, each in found.value.items() if name in step.value})


def _now(step: Step, stage: Stage) -> Step | None:
    """How things stand now, as far as the step says anything of them."""
    if step.word == "state":
        session = stage.session
        return Step("state", session.place) if session is not None and session.place else None
    if step.word in ("variables", "contact"):
        known = stage.variables() if step.word == "variables" else stage.contact()
        return Step(step.word, {name: known.get(name) for name in step.value})
    if step.word == "svaml" and stage.phones and stage.phone.answer is not None:
        return Step("svaml", stage.phone.answer)
    return None
