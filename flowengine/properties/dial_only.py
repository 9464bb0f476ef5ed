"""
```yaml
dial_only: [US, CA]
```
The countries of every number that is rung or bridged, however it came to be dialled. A number that belongs to no
country, such as a satellite telephone, is in none of them. SIP addresses and app users have no country and are not
looked at.

```yaml right
- rings: "+12025550142"
- connects: "+16135550123"
- connects: support@pbx.example.com
```
```yaml wrong
- rings: "+12025550142"
- connects: "+46701740605"
```
```text
+46…05 is in SE; only US and CA may be dialled
```
"""

from __future__ import annotations

import re

from flowengine.document import Node
from flowengine.fields import Constant, ListOf, Reader
from flowengine.problems import listed
from flowengine.properties.base import Property, Seen, Watcher

_NUMBER = re.compile(r"\+[0-9]+|[0-9]{7,15}")


class Country(Constant):
    """The two letters of a country that has telephone numbers."""

    def read(self, node: Node, reader: Reader) -> str | None:
        from flowengine.numbers import is_country

        code = super().read(node, reader)
        if code is None or is_country(code):
            return code
        fix = "write GB for the United Kingdom" if code == "UK" else "write US, GB, SE …"
        reader.problem("shape", node, f'there is no country "{code}"', fix)
        return None


class DialOnly(Property):
    name = "dial_only"
    type = ListOf(Country("[A-Z]{2}", "a country such as US"), lone=True, least=1)
    needs = frozenset({"connect", "dial", "call", "svaml"})

    def watch(self) -> Watcher:
        return _Watch(self.value)


class _Watch(Watcher):
    def __init__(self, countries: tuple[str, ...]) -> None:
        self.countries = countries

    def saw(self, seen: Seen) -> str:
        from flowengine.numbers import region

        if seen.kind not in ("rings", "connects") or not _NUMBER.fullmatch(seen.text):
            return ""
        number = "+" + seen.text.removeprefix("+")
        country = region(number)
        if country in self.countries:
            return ""
        where = "no country" if country in ("", "001") else country
        return f"{_masked(number)} is in {where}; only {listed(self.countries, 'and')} may be dialled"


def _masked(number: str) -> str:
    return f"{number[:3]}…{number[-2:]}"
