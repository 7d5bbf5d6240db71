"""The message of an alarm. It is redacted here, once, so channels only see redacted text."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from enum import Enum
from html import escape

from pipeline.alarms.alarm import Alarm
from pipeline.alarms.redaction import redacted, redacted_id

_LABELS = {"record_type": "Record type", "month": "Month", "export_id": "Export", "run_id": "Run"}


@dataclass(frozen=True)
class Message:
    """A title of one line, a text for people, and a JSON payload for programs."""

    title: str
    text: str
    payload: dict[str, str]


def message_of(alarm: Alarm, secrets: Collection[str] = ()) -> Message:
    """Return the redacted message of an alarm; ``secrets`` are texts that it must not contain."""
    shown: dict[str, str] = {}
    for field in fields(alarm):
        value = getattr(alarm, field.name)
        clean = redacted_id if field.name == "key" or field.name.endswith("_id") else redacted
        if value is not None:
            shown[field.name] = clean(str(value.value if isinstance(value, Enum) else value), secrets)
    shown["title"] = " ".join(shown["title"].split())  # a mail header has one line
    about = [f"{label}: {shown[name]}" for name, label in _LABELS.items() if name in shown]
    lines = [f"[{shown['severity'].upper()}] {shown['title']}", shown["happened"], f"To do: {shown['todo']}", *about]
    text = "\n".join(lines)
    # Slack reads <…> as a command or a link, and the text may contain what a vendor wrote
    return Message(shown["title"], text, {"text": escape(text, quote=False), **shown})
