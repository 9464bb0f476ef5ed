"""
```yaml
says_before_end: goodbye
```
Whoever hears the call end has heard one of these words before, one text or a list. Those who hang up are not looked at,
nor those who were connected to somebody, nor calls that nobody picked up.

```yaml right
- hears: Welcome.
- hears: Thank you, goodbye.
- ends
```
```yaml wrong
- hears: Welcome.
- ends
```
```text
the call ended before anybody heard "goodbye"
```
"""

from __future__ import annotations

from collections.abc import Hashable

from flowengine.fields import ListOf
from flowengine.phrases import PHRASE, Phrase
from flowengine.problems import listed
from flowengine.properties.base import Property, Seen, Watcher


class SaysBeforeEnd(Property):
    name = "says_before_end"
    type = ListOf(PHRASE, lone=True, least=1)
    channels = ("voice",)

    def watch(self) -> Watcher:
        return _Watch(self.value)


_BY_THE_FLOW = ("MANAGERHANGUP", "")
"""The platform's reason where nobody hung up."""


class _Watch(Watcher):
    def __init__(self, words: tuple[Phrase, ...]) -> None:
        self.words = words
        self.listens = True
        self.heard = False
        self.connected = False

    def saw(self, seen: Seen) -> str:
        if seen.kind == "rings":
            self.listens = False
        elif seen.kind == "hears":
            self.listens = True
            self.heard = self.heard or any(each.found_in(seen.text) for each in self.words)
        elif seen.kind in ("connects", "joins"):
            self.connected = True
        elif seen.kind == "ends" and seen.text in _BY_THE_FLOW and self._misses_it():
            return f"the call ended before anybody heard {listed([str(each) for each in self.words])}"
        return ""

    def _misses_it(self) -> bool:
        return self.listens and not self.heard and not self.connected

    def standing(self) -> Hashable:
        return self.listens, self.heard, self.connected
