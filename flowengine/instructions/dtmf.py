"""
```yaml
do:
  - dtmf: ww12#
```
Sends tones: `0-9`, `#`, and `w` for a pause of half a second.
"""

from __future__ import annotations

from typing import Any

from flowengine.fields import TEXT
from flowengine.instructions.base import Instruct

MOST = 128


class Dtmf(Instruct):
    name = "dtmf"
    type = TEXT
    channels = ("voice",)
    emits = ("sendDtmf",)

    def run(self, op: Any, call: Any) -> None:
        tones = "".join(each for each in call.text(op) if each in "0123456789#w")
        if tones:
            call.add({"name": "sendDtmf", "value": tones[:MOST]})
