"""What the problems mean that are found while a flow is read, before any check looks at it.

Each has the form of a check's documentation: a sentence, the why, and where a file can show it a wrong and a right
example. :func:`explained` joins them with the checks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flowengine.problems import Severity

_SENTENCE = re.compile(r"(.*?[.:])(?= |$)")


@dataclass(frozen=True, slots=True)
class Explanation:
    """A rule as people read it: ``doc`` is Markdown with blocks marked ``yaml wrong`` and ``yaml right``."""

    name: str
    severity: Severity
    doc: str
    reads: bool = False
    """Whether it is found while the file is read."""

    @property
    def summary(self) -> str:
        """The first sentence."""
        first = " ".join(self.doc.split("\n\n")[0].split("```")[0].split())
        match = _SENTENCE.match(first)
        return (match[1] if match else first).rstrip(":.")


def explained() -> dict[str, Explanation]:
    """Every rule there is, by name, in alphabetical order."""
    from flowengine.checks import rules

    found = {name: Explanation(name, _severity(name), doc.strip(), True) for name, doc in SHAPE_RULES.items()}
    for name, rule in rules().items():
        also = f"\n\n{found[name].doc}" if name in found else ""
        found[name] = Explanation(name, rule.severity, rule.doc + also, bool(also))
    return dict(sorted(found.items()))


def _severity(name: str) -> Severity:
    return "warning" if name in WARNINGS else "error"


WARNINGS = {"allow-without-reason"}

SHAPE_RULES: dict[str, str] = {
    "allow-without-reason": """
A comment `# allow` names no rule or gives no reason, and therefore silences nothing. On the line of a warning,
`# allow RULE: reason` says that its author has seen it and why it stays; errors cannot be allowed.

```yaml wrong
flow: wrong
channel: voice
start: bye
states:
  bye: { say: Goodbye., next: end }
  lost: { say: Hello., next: end }  # allow unreachable
```
```yaml right
flow: right
channel: voice
start: bye
states:
  bye: { say: Goodbye., next: end }
  lost: { say: Hello., next: end }  # allow unreachable: comes back in spring
```
""",
    "comment-cut": """
A plain text is cut off by ` #`, which begins a comment in YAML. What follows it would never be heard. Put the text
in quotes.

```yaml wrong
flow: wrong
channel: voice
start: bye
states:
  bye:
    say: Press # to finish.
    next: end
```
```yaml right
flow: right
channel: voice
start: bye
states:
  bye:
    say: "Press # to finish."
    next: end
```
""",
    "duplicate-choice": """
Two choices of one menu have the same key, or two of one ask the same label or word: only one of them could be chosen.

```yaml wrong
flow: wrong
channel: voice
start: main
states:
  main:
    menu: { prompt: Press 1 or 2., choices: { sales: 1, service: 1 } }
    on: { else: end }
```
```yaml right
flow: right
channel: voice
start: main
states:
  main:
    menu: { prompt: Press 1 or 2., choices: { sales: 1, service: 2 } }
    on: { else: end }
```
""",
    "duplicate-flow": """
Two files name the same flow. A flow's name (`flow:`) is unique in its project, because other flows, `flowengine dial`
and the log call it by that name.
""",
    "duplicate-key": """
A key stands twice in one mapping. Most YAML readers silently keep the last one, and what the first one said is lost.

```yaml wrong
flow: wrong
channel: voice
start: greet
states:
  greet: { say: Hello., next: bye }
  greet: { say: Welcome., next: bye }
  bye: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: voice
start: greet
states:
  greet: { say: Hello., next: bye }
  bye: { say: Goodbye., next: end }
```
""",
    "empty-file": """
The file holds nothing but blanks and comments. A flow begins with `flow:` and its name.
""",
    "empty-value": """
A key has no value. Either it was forgotten, or a `#` made the value a comment, or a comma inside `{ }` split a text
in two. Put such texts in quotes; empty text is `''`.

```yaml wrong
flow: wrong
channel: voice
start: bye
states:
  bye: { say: Thank you, goodbye., next: end }
```
```yaml right
flow: right
channel: voice
start: bye
states:
  bye: { say: "Thank you, goodbye.", next: end }
```
""",
    "encoding": """
The file is not UTF-8, or holds a character that nobody can see. Such are control characters, and those that turn the
direction of the text and so hide what a line says. Save the file as UTF-8 and delete the character. A byte order
mark and Windows line ends are fine.
""",
    "flow-else": """
The flow's own `on` has `else`. There it would catch everything that any state leaves open, errors of reading included;
name the events instead.

```yaml wrong
flow: wrong
channel: voice
start: bye
on: { else: bye }
states:
  bye: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: voice
start: bye
on: { error: bye }
states:
  bye: { say: Goodbye., next: end }
```
""",
    "limit": """
A number, a duration, a list or a text is outside its bounds. The message says them.

```yaml wrong
flow: wrong
channel: voice
start: main
states:
  main:
    menu: { prompt: Press 1., choices: { sales: 1 }, timeout: 90s }
    on: { else: end }
```
```yaml right
flow: right
channel: voice
start: main
states:
  main:
    menu: { prompt: Press 1., choices: { sales: 1 }, timeout: 9s }
    on: { else: end }
```
""",
    "may-dial": """
An entry of `may_dial` could call anything, or something that cannot be called: a template without `countries` or
`matches`, more than one `{{ }}` in a number, a premium-rate number, or text that is no phone number. Whoever can
choose the number can send calls, and their cost, anywhere.

```yaml wrong
flow: wrong
channel: voice
inputs: { to: { type: phone } }
triggers: [ { start: api } ]
cli: "+12025550100"
may_dial: { customer: { number: "{{ to }}" } }
start: ring
states:
  ring:
    dial: { to: customer }
    on: { answered: greet }
  greet: { say: Hello., next: end }
```
```yaml right
flow: right
channel: voice
inputs: { to: { type: phone } }
triggers: [ { start: api } ]
cli: "+12025550100"
may_dial: { customer: { number: "{{ to }}", countries: [US], per_hour: 3 } }
start: ring
states:
  ring:
    dial: { to: customer }
    on: { answered: greet }
  greet: { say: Hello., next: end }
```
""",
    "missing-key": """
A key is missing without which the rest means nothing. Such are the `start` of a flow and the `prompt` of a menu.

```yaml wrong
flow: wrong
channel: voice
states:
  bye: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: voice
start: bye
states:
  bye: { say: Goodbye., next: end }
```
""",
    "name": """
A name has characters that names do not have. Flows, states, events, choices and variables are `a` to `z`, `0` to `9`
and `_`, and begin with a letter: names stand in expressions and in answers, and two that look alike are one.

```yaml wrong
flow: wrong
channel: voice
start: say_goodbye
states:
  say-goodbye: { say: Goodbye., next: end }
  say_goodbye: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: voice
start: say_goodbye
states:
  say_goodbye: { say: Goodbye., next: end }
```
""",
    "nesting": """
The file nests lists and mappings more than 64 deep. No flow needs that; some files that do are written to exhaust
their reader.
""",
    "no-act": """
A scenario expects something before anything was done. Its first step is an act: `caller dials`, `flow starts`,
`writes`, `follows link` or another of those that begin a call or a chat.

```yaml wrong
scenarios:
  sales:
    steps:
      - hears: Welcome
```
```yaml right
scenarios:
  sales:
    steps:
      - caller dials
      - hears: Welcome
```
""",
    "no-else": """
The last branch of a list has a condition. A list of branches ends in `{ else: state }`, so that some branch is always
taken.

```yaml wrong
flow: wrong
channel: voice
start: by_time
variables: { tier: { type: text, default: basic } }
states:
  by_time:
    route: [ { when: 'tier == "gold"', to: gold } ]
  gold: { say: Welcome back., next: end }
```
```yaml right
flow: right
channel: voice
start: by_time
variables: { tier: { type: text, default: basic } }
states:
  by_time:
    route: [ { when: 'tier == "gold"', to: gold }, { else: end } ]
  gold: { say: Welcome back., next: end }
```
""",
    "not-yet": """
The file uses a kind that belongs to the language but not to this version: `ring`.
""",
    "order": """
A state has several instructions side by side. Keys of a mapping have no order that a reader could see, so two or more
instructions go into `do`, a list. `record`, `dtmf`, `cookie`, `log` and the like stand only there.

```yaml wrong
flow: wrong
channel: voice
start: bye
variables: { done: { type: boolean, default: "false" } }
states:
  bye: { set: { done: "true" }, say: "Done is {{ done }}.", next: end }
```
```yaml right
flow: right
channel: voice
start: bye
variables: { done: { type: boolean, default: "false" } }
states:
  bye:
    do:
      - set: { done: "true" }
      - say: "Done is {{ done }}."
    next: end
```
""",
    "outside-project": """
A file lies outside the folder of the project. That folder is the one with `flowengine.yaml`; a symbolic link may lead
out of it. What is served must be what was reviewed, so everything a project uses lies inside it.
""",
    "pattern": """
A regular expression is not one of RE2. RE2 has neither look-around nor back references and therefore always ends
quickly. An expression that can match no digits, where digits are expected, is refused too.

```yaml wrong
flow: wrong
channel: voice
start: ask
states:
  ask:
    collect: { prompt: Your code., digits: 4, matches: "(?=1)[0-9]{4}" }
    on: { digits: end, else: end }
```
```yaml right
flow: right
channel: voice
start: ask
states:
  ask:
    collect: { prompt: Your code., digits: 4, matches: "1[0-9]{3}" }
    on: { digits: end, else: end }
```
""",
    "reserved-name": """
A state or a choice has a name that already means something: `end`, `continue`, `back` and `repeat` are targets, and
the names of events (`timeout`, `hangup`, …) cannot be choices, because a choice is an event of its own.

```yaml wrong
flow: wrong
channel: voice
start: end
states:
  end: { say: Goodbye., next: bye }
  bye: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: voice
start: bye
states:
  bye: { say: Goodbye., next: end }
```
""",
    "shape": """
Something else stands where a value of a certain shape is expected: a list in place of a text, a word that is not one
of those allowed, a duration without its unit. The message says what was found and what is expected.

```yaml wrong
flow: wrong
channel: voice
start: main
states:
  main:
    menu: { prompt: Press 1., choices: { sales: 1 }, timeout: 9 }
    on: { else: end }
```
```yaml right
flow: right
channel: voice
start: main
states:
  main:
    menu: { prompt: Press 1., choices: { sales: 1 }, timeout: 9s }
    on: { else: end }
```
""",
    "templated-action": """
The name of an action or instruction in a `svaml` state is a template. Which answers a flow may give must be known
before the first call; write one state per name and route between them.

```yaml wrong
flow: wrong
channel: voice
start: raw
variables: { what: { type: text, default: hangup } }
states:
  raw:
    svaml: { action: { name: "{{ what }}" } }
```
```yaml right
flow: right
channel: voice
start: raw
states:
  raw:
    svaml: { action: { name: hangup } }
```
""",
    "too-large": """
The file is larger than 4 MiB or holds more than 500,000 values. Split it into flows that play each other.
""",
    "two-steps": """
One entry of a scenario's `steps` holds several acts or observations. Each has a dash of its own; the fields of one
word stand in a mapping below it.

```yaml wrong
scenarios:
  sales:
    steps:
      - caller dials
      - asks: Press 1 or 2.
        presses: 1
```
```yaml right
scenarios:
  sales:
    steps:
      - caller dials
      - asks: Press 1 or 2.
      - presses: 1
```
""",
    "two-kinds": """
A state has two kinds. A state is one answer in the making, and an answer has exactly one action; give the second kind
a state of its own.

```yaml wrong
flow: wrong
channel: voice
start: main
may_dial: { sales: { number: "+12025550111" } }
states:
  main:
    menu: { prompt: Press 1., choices: { again: 1 } }
    connect: { to: sales }
    on: { else: end }
```
```yaml right
flow: right
channel: voice
start: main
may_dial: { sales: { number: "+12025550111" } }
states:
  main:
    menu: { prompt: Press 1., choices: { sales: 1 } }
    on: { else: end }
  sales:
    connect: { to: sales }
```
""",
    "unknown-action": """
A `svaml` state names an action or instruction that the platform does not have.

```yaml wrong
flow: wrong
channel: voice
start: raw
states:
  raw:
    svaml: { action: { name: hangUp } }
```
```yaml right
flow: right
channel: voice
start: raw
states:
  raw:
    svaml: { action: { name: hangup } }
```
""",
    "unknown-key": """
A mapping has a key that does not belong there, most often a slip of the pen: the message names the closest key.
Unknown keys are refused because a setting that is silently ignored is a setting that nobody tests.

```yaml wrong
flow: wrong
channel: voice
start: main
states:
  main:
    menu: { promt: Press 1., prompt: Press 1., choices: { sales: 1 } }
    on: { else: end }
```
```yaml right
flow: right
channel: voice
start: main
states:
  main:
    menu: { prompt: Press 1., choices: { sales: 1 } }
    on: { else: end }
```
""",
    "unknown-name": """
A scenario names something that its flow does not have: a state, a variable, a field of the contact, an entry of
`may_dial`, a function, a draw, a choice. Or there is no flow of the name that the file gives. Such a step could never
come true, or would test nothing.
""",
    "unknown-step": """
A scenario has a step of which nobody knows what it means, most often a slip of the pen: the message names the
closest word. `not` takes only what can be observed.

```yaml wrong
scenarios:
  sales:
    steps:
      - caller dials
      - press: 1
```
```yaml right
scenarios:
  sales:
    steps:
      - caller dials
      - presses: 1
```
""",
    "unreadable": """
The file cannot be opened; the message says why.
""",
    "wrong-channel": """
Something of calls stands in a message flow, or the other way round. `channel` at the top of the file says which sort
it is; each has keys, kinds and instructions of its own.

```yaml wrong
flow: wrong
channel: message
start: size
states:
  size:
    menu: { prompt: Which size?, choices: { small: 1, large: 2 } }
    on: { else: end }
```
```yaml right
flow: right
channel: message
start: size
states:
  size:
    ask: { prompt: Which size?, choices: { small: Small, large: Large } }
    on: { small: end, large: end }
```
""",
    "yaml-feature": """
The file uses a part of YAML that flows do not have: anchors and aliases, tags, merge keys, a second document, or a
list or mapping as a key. The last is mostly a `{{ … }}` at the start of a value, which needs quotes.

```yaml wrong
flow: wrong
channel: voice
start: bye
variables: { name: { type: text, default: you } }
states:
  bye: { say: {{ name }}, next: end }
```
```yaml right
flow: right
channel: voice
start: bye
variables: { name: { type: text, default: you } }
states:
  bye: { say: "Goodbye {{ name }}.", next: end }
```
""",
    "yaml-syntax": """
The file is not YAML. The usual reasons are a tab in the indentation, a text with `: ` in it, or one that begins with
`*`, `@`, `%` or a backtick; texts like these need quotes.

```yaml wrong
flow: wrong
channel: voice
start: bye
states:
  bye: { say: Note: we are closed., next: end }
```
```yaml right
flow: right
channel: voice
start: bye
states:
  bye: { say: "Note: we are closed.", next: end }
```
""",
}
