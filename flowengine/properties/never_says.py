"""
```yaml
never_says: ["None", "{{", /\\bundefined\\b/]
```
What nobody ever hears or reads, in a prompt, a message or on a button: what is left of a value that was missing, a word
that must not leave the house.

```yaml right
- hears: Hello Ann.
- reads: Your table is booked.
```
```yaml wrong
- hears: Hello Ann.
- sends: Dear none, your table is booked.
```
```text
somebody read "None"
```
"""

from __future__ import annotations

from flowengine.fields import ListOf
from flowengine.phrases import PHRASE, Phrase
from flowengine.properties.base import Property, Seen, Watcher

_SENSES = {"hears": "heard", "reads": "read", "sends": "read"}


class NeverSays(Property):
    name = "never_says"
    type = ListOf(PHRASE, lone=True, least=1)

    def watch(self) -> Watcher:
        return _Watch(self.value)


class _Watch(Watcher):
    def __init__(self, words: tuple[Phrase, ...]) -> None:
        self.words = words

    def saw(self, seen: Seen) -> str:
        sense = _SENSES.get(seen.kind)
        if sense is None:
            return ""
        shown = (seen.text, *seen.choices)
        found = next((each for each in self.words if any(each.found_in(text) for text in shown)), None)
        return f"somebody {sense} {found}" if found else ""
