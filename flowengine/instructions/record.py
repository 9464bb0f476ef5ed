"""
```yaml
do:
  - say: The call is recorded.
  - record: { transcribe: en-US }
```
Records the call from here on, into the flow's `recordings` (or into `to`, with `credentials`). `record: stop`
ends it. The file is told by `recording_available`, often after the call; a transcript by
`transcription_available`.
"""

from __future__ import annotations

from typing import Any

from flowengine.document import Map, Node, Text
from flowengine.fields import BOOL, TEXT, Constant, Custom, Field, Reader, Record
from flowengine.instructions.base import Instruct
from flowengine.lowering import lower_fields
from flowengine.model import Instruction

OPTIONS = Record(
    (
        Field(
            "transcribe",
            Constant(r"[a-z]{2}[-_][A-Z]{2}", "a language such as en-US"),
            "transcribe in this language",
        ),
        Field("to", TEXT, "where the file goes: `s3://bucket/folder/file` or `azure://account/container/file`"),
        Field("credentials", TEXT, "for that place, as one whole `{{ secret.NAME }}`"),
        Field("format", Constant("[a-z0-9]+", "a format such as mp3"), "the file format", shown="mp3"),
        Field("notify", BOOL, "whether `recording_finished` and `recording_available` come", shown="true"),
    ),
    "record",
)


def _read(node: Node, reader: Reader) -> Any:
    if isinstance(node, Text) and node.value in ("stop", "start"):
        return {} if node.value == "start" else "stop"
    if isinstance(node, Map):
        return OPTIONS.read(node, reader)
    reader.expected(node, "start, stop, or a mapping such as { transcribe: en-US }")
    return None


class RecordCall(Instruct):
    name = "record"
    type = Custom(_read, {"anyOf": [{"enum": ["start", "stop"]}, OPTIONS.schema()]}, "start, stop, or a mapping")
    channels = ("voice",)
    emits = ("startRecording", "stopRecording")

    def svaml(self, instruction: Instruction) -> tuple[str, ...]:
        return ("stopRecording",) if instruction.value == "stop" else ("startRecording",)

    def lower(self, value: Any) -> Any:
        if value == "stop":
            return "stop"
        return lower_fields(value, "transcribe", "to", "credentials", "format", "notify")

    def run(self, op: Any, call: Any) -> None:
        if op == "stop":
            call.add({"name": "stopRecording"})
            return  # a recording that was stopped still becomes available: it stays armed
        call.add(call.recording(op))
        call.arm("recording")
