"""The kinds of state, one to a file; adding one is a file, a line here and its worked example."""

from __future__ import annotations

from flowengine.states.ask import Ask
from flowengine.states.base import Kind, Outcome
from flowengine.states.call import Call
from flowengine.states.collect import Collect
from flowengine.states.conference import Conference
from flowengine.states.connect import Connect
from flowengine.states.dial import Dial
from flowengine.states.function import Function
from flowengine.states.handover import Handover
from flowengine.states.hours import OpeningHours
from flowengine.states.http import Http
from flowengine.states.leave import Return
from flowengine.states.menu import Menu
from flowengine.states.park import Park
from flowengine.states.random import Random
from flowengine.states.route import Route
from flowengine.states.subflow import Subflow
from flowengine.states.svaml import Svaml
from flowengine.states.voicemail import Voicemail
from flowengine.states.wait import Wait

KINDS: dict[str, Kind] = {
    each.name: each
    for each in (
        Menu(),
        Collect(),
        Voicemail(),
        Connect(),
        Dial(),
        Conference(),
        Park(),
        Wait(),
        Ask(),
        Handover(),
        Call(),
        OpeningHours(),
        Random(),
        Route(),
        Http(),
        Function(),
        Subflow(),
        Return(),
        Svaml(),
    )
}

__all__ = ["KINDS", "Kind", "Outcome"]
