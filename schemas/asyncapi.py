"""The two topics of a ledger as an AsyncAPI 3 document, for tools that draw and generate from one.

It is made from the events and stands beside their schemas. What it has no words for, the rule of acceptance,
is in docs/events.md.
"""

from collections.abc import Sequence
from typing import Any

import yaml

from schemas.events import Event, LedgerCreatedEvent, PresenceReportedEvent, RunLoggedEvent

_BINDING = "0.5.0"
_ID = "[A-Za-z0-9_.-]{1,256}"
_LOGS = ("events", "values")
_OF_VALUES = (RunLoggedEvent.name, PresenceReportedEvent.name)
_TOPIC = {"cleanup.policy": ["delete"], "retention.ms": -1, "retention.bytes": -1}
_HEADERS = {
    "content-type": {"type": "string", "const": "application/json"},
    "ce_specversion": {"type": "string", "const": "1.0"},
    "ce_stream": {"type": "string", "pattern": f"^[a-z][a-z0-9-]{{0,31}}:{_ID}(:{_ID})?$"},
    "ce_seq": {"type": "string", "pattern": "^(0|[1-9][0-9]{0,17})$"},
    "ce_prev": {"type": "string", "pattern": "^([0-9a-f]{64})?$"},
    "ce_id": {"type": "string", "pattern": f"^{_ID}$"},
    "ce_source": {"type": "string", "minLength": 1, "description": "At most 512 bytes of UTF-8."},
    "ce_type": {"type": "string", "pattern": f"^{_ID}$"},
    "ce_time": {"type": "string", "format": "date-time"},
    "ce_actor": {"type": "string", "minLength": 1, "description": "At most 512 bytes of UTF-8."},
}


def document(events: Sequence[type[Event]]) -> str:
    """The document as YAML; the schema of each event is referred to by the name of its file."""
    control = [event for event in events if event.name not in _OF_VALUES]
    values = [event for event in events if event.name in (*_OF_VALUES, LedgerCreatedEvent.name)]
    described = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "The topics of a run ledger",
            "version": "1",
            "description": "Which of the records that lie in the topics count is said in docs/events.md.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "events": _channel("events", "Every decision, in one total order.", control, 1),
            "values": _channel("values", "Logged values in batches; partition crc32(key) mod N.", values, 8),
        },
        "operations": {f"read-{log}": {"action": "receive", "channel": _ref(f"channels/{log}")} for log in _LOGS},
        "components": {
            "messages": {event.type_name(): _message(event) for event in events},
            "schemas": {
                "headers": {
                    "type": "object",
                    "required": [name for name in _HEADERS if name.startswith("ce_")],
                    "properties": _HEADERS,
                }
            },
        },
    }
    return yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=120)


def _channel(log: str, description: str, events: Sequence[type[Event]], partitions: int) -> dict[str, Any]:
    kafka = {"partitions": partitions, "topicConfiguration": _TOPIC, "bindingVersion": _BINDING}
    return {
        "address": f"runledger.{{ledger}}.{log}.v1",
        "description": description,
        "parameters": {"ledger": {"description": "The name of the ledger."}},
        "messages": {event.type_name(): _ref(f"components/messages/{event.type_name()}") for event in events},
        "bindings": {"kafka": kafka},
    }


def _message(event: type[Event]) -> dict[str, Any]:
    key = {"type": "string", "pattern": f"^{_ID}$", "description": "The id in ce_stream."}
    return {
        "name": event.type_name(),
        "headers": _ref("components/schemas/headers"),
        "payload": {"$ref": f"./{event.name}.v{event.version}.json"},
        "bindings": {"kafka": {"key": key, "bindingVersion": _BINDING}},
    }


def _ref(path: str) -> dict[str, str]:
    return {"$ref": f"#/{path}"}
