"""
A prompt names a key that nothing takes: the caller presses it, and hears that it was wrong.

```yaml wrong
flow: wrong
channel: voice
start: main
states:
  main:
    menu: { prompt: "For sales press 1, for service press 2.", choices: { sales: 1, service: 3 } }
    on: { timeout: bye, invalidinput: bye }
  sales: { say: Sales is closed., next: end }
  service: { say: Service is closed., next: end }
  bye: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: voice
start: main
states:
  main:
    menu: { prompt: "For sales press 1, for service press 2.", choices: { sales: 1, service: 2 } }
    on: { timeout: bye, invalidinput: bye }
  sales: { say: Sales is closed., next: end }
  service: { say: Service is closed., next: end }
  bye: { say: Goodbye., next: end }
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowengine.checks.base import View, Written, problem
from flowengine.checks.places import inside
from flowengine.checks.texts import authored, literal
from flowengine.model import State
from flowengine.problems import Problem, Severity, listed

SEVERITY: Severity = "warning"
CHANNELS = ("voice",)

_VERB = (
    r"(?:press(?:ing)?|push|hit|tryck(?:er)?|knappa in|slå|marque|marca|pulse|pulsa|oprima|presione|tapez|appuyez|"
    r"faites le|drücken|wählen|pressione|digite|tecle|premere|premi|prema|digiti|toets|kies|tast|trykk|paina)"
)
_FILLER = r"(?:\s+(?:the|on|key|number|på|siffran|el|la|le|les|sur|touche|número|tecla|sie|die|taste|a|o|il|tasto|de))*"
_WORDS = {
    "0": "zero", "1": "one", "2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven",
    "8": "eight", "9": "nine", "*": "star|asterisk|stjärna|asterisco|étoile|stern|sterntaste|estrella",
    "#": "hash|pound|hash sign|pound sign|fyrkant|almohadilla|numeral|dièse|raute|rautetaste|jogo da velha",
}  # fmt: skip
_KEYS = "|".join(words for words in _WORDS.values())
_ONE = rf"(?:[0-9](?![\d:.,]*\d|\s*(?:%|€|\$))|[*#]|(?:{_KEYS})\b)"
_COUNTED = (
    r"(?!\s+(?:digits?|times?|seconds?|minutes?|hours?|keys|siffror|gånger|sekunder|cifras|veces|fois|chiffres)\b)"
)
_NAMED = re.compile(
    rf"\b{_VERB}{_FILLER}\s+({_ONE}{_COUNTED}(?:\s*(?:,|,?\s*\b(?:or|eller|o|ou|oder|of|tai)\b)\s+{_ONE}{_COUNTED})*)",
    re.IGNORECASE,
)
_KEY = re.compile(rf"[0-9*#]|\b(?:{_KEYS})\b", re.IGNORECASE)


def check(view: View) -> Iterator[Problem]:
    for written in authored(view):
        state = view.flow.states.get(written.state)
        if state is None or written.role != "prompt" or written.when not in ("do", "kind"):
            continue
        keys = _taken(state)
        if keys:
            yield from _unheard(view, written, keys)


def _taken(state: State) -> frozenset[str]:
    """The keys that a state listens for; nothing where it takes any, or none."""
    if state.kind in ("menu", "wait"):
        return frozenset(choice.key for choice in state.config["choices"] or ())
    if state.kind == "voicemail" and state.config["keys"] != ("any",):
        return frozenset(state.config["keys"])
    return frozenset()


def _unheard(view: View, written: Written, keys: frozenset[str]) -> Iterator[Problem]:
    told = set()
    for key, offset, length in named_keys(literal(view, written.source)):
        if key in keys or key in told:
            continue
        told.add(key)
        message = (
            f"the prompt names the key {key}, which nothing here takes; the keys are {listed(sorted(keys), 'and')}"
        )
        where = inside(view, written.source, offset, length)
        fix = "add the choice, or correct the prompt"
        yield problem(view, "unlistened-key", where, message, severity=SEVERITY, fix=fix, state=written.state)


def named_keys(text: str) -> list[tuple[str, int, int]]:
    """The keys that words ask for: ``For sales press 1 or 2`` names 1 and 2. Each with its offset and length."""
    found = []
    for phrase in _NAMED.finditer(text):
        for key in _KEY.finditer(phrase[1]):
            found.append((_key(key[0].lower()), phrase.start(1) + key.start(), len(key[0])))
    return found


def _key(word: str) -> str:
    for key, words in _WORDS.items():
        if word in words.split("|"):
            return key
    return word
