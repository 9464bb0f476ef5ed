"""
```yaml
look_up:
  http:
    post: https://crm.example.com/callers
    json: { caller: "{{ call.cli }}" }
    timeout: 800ms
    save: { tier: "{{ response.tier }}" }
  on: { ok: main, error: main }
```
Asks a server. 2xx is `ok`; anything else, silence, or a reply without what `save` needs is `error`. The host is
constant (or from `env.`, or the whole URL one `secret.`). All http of one call turn has 1.2 s. `wait: false`
sends the request after the answer and does not wait for the reply.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flowengine.document import Map
from flowengine.fields import BOOL, DATA, TEXT, Duration, Field, MapOf, Reader, Record
from flowengine.instructions.set import TARGET
from flowengine.lowering import lower_fields, lower_source, lower_url
from flowengine.model import Flow, State
from flowengine.states.base import STEP_ERROR, Kind, Outcome

METHODS = ("get", "post", "put", "patch", "delete")
HEADER = r"[A-Za-z][A-Za-z0-9-]{0,63}"


class Http(Kind):
    name = "http"
    glyph = "↔"
    family = "outside"
    channels = ("voice", "message")
    fields = Record(
        (
            *(Field(method, TEXT, f"the URL, asked with {method.upper()}") for method in METHODS),
            Field("headers", MapOf(TEXT, "a header name", HEADER), "request headers"),
            Field("query", MapOf(TEXT, "a name", r"[^\s]+"), "query parameters"),
            Field("json", DATA, "the body, as JSON"),
            Field("form", MapOf(TEXT, "a name", r"[^\s]+"), "the body, as a form"),
            Field("timeout", Duration(0.05, 30), "how long the server may take", True),
            Field("save", MapOf(TEXT, "a variable", TARGET), "what to keep of `response`"),
            Field("wait", BOOL, "whether the call waits for the reply", default=True),
        ),
        "http",
    )

    def check(self, config: Mapping[str, Any], node: Map, reader: Reader) -> None:
        used = [method for method in METHODS if method in node.entries]
        if len(used) != 1 and (used or not set(node.entries) - set(self.fields.named())):
            message = "the request has no method" if not used else f"the request has {' and '.join(used)}"
            reader.problem("shape", node, message, "write one of get, post, put, patch or delete, with the URL")
        if config["json"] is not None and config["form"] is not None:
            reader.problem("shape", node.keys["form"], "json and form exclude each other", "keep one")

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        return (Outcome("ok", ("same",)), STEP_ERROR)

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        config = state.config
        method = next(each for each in METHODS if config[each] is not None)
        lowered = {"method": method.upper(), "url": lower_url(config[method])}
        save = [[name, lower_source(source)] for name, source in (config["save"] or {}).items()]
        return {
            **lowered,
            **lower_fields(config, "headers", "query", "json", "form", "timeout", "wait"),
            "save": save,
        }

    def run(self, op: Any, call: Any) -> str | None:
        return str(call.ask_server(op))

    def summary(self, state: State, flow: Flow) -> str:
        for method in METHODS:
            if state.config[method] is not None:
                url = state.config[method].text
                split = urlsplit(url)
                return f"{method.upper()} {split.netloc}{split.path}" if split.netloc else f"{method.upper()} {url}"
        return ""
