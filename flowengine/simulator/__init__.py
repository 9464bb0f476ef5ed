"""The platform and the person: what is heard of real SVAML, what is read of real messages, and what they do then.

The only interpreter of answers there is: scenarios, generated calls and the phone in the terminal play through it. It
knows neither flows nor stores; callbacks go out as the bytes that the platform posts, and answers come back as bytes.
"""

from flowengine.simulator.chat import Chat
from flowengine.simulator.phone import CALLS, RINGING, UNANSWERED, VERDICTS, Phone, masked, newest
from flowengine.simulator.seen import CannotAct, Saw, Seen

__all__ = [
    "CALLS",
    "RINGING",
    "UNANSWERED",
    "VERDICTS",
    "CannotAct",
    "Chat",
    "Phone",
    "Saw",
    "Seen",
    "masked",
    "newest",
]
