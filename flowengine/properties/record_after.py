"""
```yaml
record_after: is recorded
```
Recording begins only after these words were said in the call. Of several, in a list, one is enough: the same notice in
each language.

```yaml right
- hears: Welcome. This call is recorded.
- records
```
```yaml wrong
- hears: Welcome.
- records
- hears: This call is recorded.
```
```text
recording began before anybody heard "is recorded"
```
"""

from __future__ import annotations

from collections.abc import Hashable

from flowengine.fields import ListOf
from flowengine.phrases import PHRASE, Phrase
from flowengine.problems import listed
from flowengine.properties.base import Property, Seen, Watcher


class RecordAfter(Property):
    name = "record_after"
    type = ListOf(PHRASE, lone=True, least=1)
    channels = ("voice",)
    needs = frozenset({"record", "voicemail", "svaml"})

    def watch(self) -> Watcher:
        return _Watch(self.value)


class _Watch(Watcher):
    def __init__(self, notice: tuple[Phrase, ...]) -> None:
        self.notice = notice
        self.heard = False

    def saw(self, seen: Seen) -> str:
        if seen.kind == "hears":
            self.heard = self.heard or any(each.found_in(seen.text) for each in self.notice)
        elif seen.kind == "records" and not self.heard:
            return f"recording began before anybody heard {listed([str(each) for each in self.notice])}"
        return ""

    def standing(self) -> Hashable:
        return self.heard
