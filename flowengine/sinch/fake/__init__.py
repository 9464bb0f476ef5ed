"""A fake Sinch for tests: messages, receipts, webhooks and callouts over real HTTP, on this machine only.

::

    with FakeSinch() as sinch:
        client = ConversationClient.from_env(sinch.env())
        ...
        assert sinch.sent[0].text == "Which size?" and not sinch.problems
"""

from flowengine.sinch.fake import bodies
from flowengine.sinch.fake.platform import Account
from flowengine.sinch.fake.posting import NoTarget
from flowengine.sinch.fake.records import Callout, Event, Patch, Posted, Problem, Record
from flowengine.sinch.fake.script import Accept, AcceptThenDrop, Answer, Drop, Hang, Slow
from flowengine.sinch.fake.server import FakeSinch

__all__ = [
    "Accept",
    "AcceptThenDrop",
    "Account",
    "Answer",
    "Callout",
    "Drop",
    "Event",
    "FakeSinch",
    "Hang",
    "NoTarget",
    "Patch",
    "Posted",
    "Problem",
    "Record",
    "Slow",
    "bodies",
]
