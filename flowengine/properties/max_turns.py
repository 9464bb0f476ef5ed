"""
```yaml
max_turns: 2
```
A call or conversation is over after so many answers of the person: the question that comes after them is one too many.
A retry and a way back to a menu count, the `repeats` of a prompt do not: they come without an answer.

```yaml right
- asks: For sales press 1, for support press 2.
- asks: Please enter your four digit code.
- hears: Goodbye.
- ends
```
```yaml wrong
- asks: For sales press 1, for support press 2.
- asks: Please enter your four digit code.
- asks: Please enter your four digit code.
```
```text
question 3 was asked; after 2 answers it was to be over
```
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from flowengine.fields import Integer
from flowengine.properties.base import Property, Seen, Watcher


class MaxTurns(Property):
    name = "max_turns"
    type = Integer(1, 10_000)
    needs = frozenset({"menu", "collect", "ask", "svaml"})

    def watch(self) -> Watcher:
        return _Watch(self.value)


class _Watch(Watcher):
    def __init__(self, most: int) -> None:
        self.most = most
        self.asked = 0
        self.question: Any = None

    def saw(self, seen: Seen) -> str:
        if seen.asks and (seen.more is None or seen.more is not self.question):
            self.asked += 1
            self.question = seen.more
        if self.asked <= self.most:
            return ""
        answers = "answer" if self.most == 1 else "answers"
        return f"question {self.asked} was asked; after {self.most} {answers} it was to be over"

    def standing(self) -> Hashable:
        return self.asked
