"""An alarm as it is sent: redacted once, here, so that no channel ever sees more."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from enum import Enum
from html import escape

from pipeline.alarms.alarm import Alarm
from pipeline.alarms.redaction import redacted, redacted_id

_LABELS = {"record_type": "Record type", "month": "Month", "export_id": "Export", "run_id": "Run"}


@dataclass(frozen=True)
class Message:
    """One line, a text for people, and fields for programs."""

    title: str
    text: str
    payload: dict[str, str]


def message_of(alarm: Alarm, secrets: Collection[str] = ()) -> Message:
    """The alarm in words and in fields, without anything that must not leave the house."""
    shown: dict[str, str] = {}
    for field in fields(alarm):
        value = getattr(alarm, field.name)
        clean = redacted_id if field.name == "key" or field.name.endswith("_id") else redacted
        if value is not None:
            shown[field.name] = clean(str(value.value if isinstance(value, Enum) else value), secrets)
    shown["title"] = " ".join(shown["title"].split())  # it becomes the header of a mail
    about = [f"{label}: {shown[name]}" for name, label in _LABELS.items() if name in shown]
    lines = [f"[{shown['severity'].upper()}] {shown['title']}", shown["happened"], f"To do: {shown['todo']}", *about]
    text = "\n".join(lines)
    # Slack reads <…> as a command or a link, and the text may repeat what somebody else wrote
    return Message(shown["title"], text, {"text": escape(text, quote=False), **shown})
