"""
A template is written by language and has none for one of the flow's languages, or its language is not written as the
channel wants it: the message would go out in another language, or be refused.

```yaml wrong
flow: wrong
channel: message
channels: [WHATSAPP]
languages: [en, es]
triggers: [ { start: api } ]
start: opening
states:
  opening: { send: { template: { name: opening, language: { en: en_US } } }, next: end }
```
```yaml right
flow: right
channel: message
channels: [WHATSAPP]
languages: [en, es]
triggers: [ { start: api } ]
start: opening
states:
  opening: { send: { template: { name: opening, language: { en: en_US, es: es_MX } } }, next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flowengine.checks.base import View, problem
from flowengine.checks.contents import Sent, messages
from flowengine.checks.places import spot
from flowengine.problems import Mark, Problem, Severity, did_you_mean, listed

SEVERITY: Severity = "warning"


def check(view: View) -> Iterator[Problem]:
    for sent in messages(view):
        template = sent.value.get("template")
        if template and sent.role in ("prompt", "send") and template["language"]:
            yield from _of(view, sent, template)


def _of(view: View, sent: Sent, template: Mapping[str, Any]) -> Iterator[Problem]:
    given = template["language"]
    start = view.flow.states[sent.state].kind_mark if sent.role == "prompt" else sent.mark
    mark = spot(view, spot(view, start, r"\b(template)['\"]?\s*:"), r"\b(language)['\"]?\s*:")
    if isinstance(given, Mapping):
        yield from _by_language(view, sent, template["name"], given, mark)
    for locale in given.values() if isinstance(given, Mapping) else (given,):
        if "-" in locale and not template.get("version"):
            message = (
                f'the language of the template is "{locale}"; the channel knows it as "{locale.replace("-", "_")}"'
            )
            fix = f"write {locale.replace('-', '_')}"
            yield problem(view, "template-language", mark, message, severity="error", fix=fix, state=sent.state)


def _by_language(view: View, sent: Sent, name: str, given: Mapping[str, str], mark: Mark) -> Iterator[Problem]:
    missing = [each for each in view.flow.languages if each not in given]
    extra = [each for each in given if each not in view.flow.languages]
    if missing:
        hint = did_you_mean(missing[0], [each for each in extra if each[:2] == missing[0][:2]])
        message = f'the template "{name}" has no language for {listed(missing, "and")}{hint}'
        notes = [f"a contact who speaks {missing[0]} gets it in {next(iter(given.values()), 'another language')}"]
        fix = f"add {missing[0]}: and the template's language"
        yield problem(
            view, "template-language", mark, message, severity=SEVERITY, notes=notes, fix=fix, state=sent.state
        )
    elif extra:
        message = f"nobody gets the template in {listed(extra, 'and')}: the flow does not list the language"
        fix = f"add {extra[0]} to languages:, or delete it"
        yield problem(view, "template-language", mark, message, severity=SEVERITY, fix=fix, state=sent.state)
