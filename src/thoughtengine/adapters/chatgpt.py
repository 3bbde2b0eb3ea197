"""ChatGPT's export: `conversations.json`, a list of trees of messages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from thoughtengine.adapters.elements import Elements
from thoughtengine.adapters.intake import Reading
from thoughtengine.adapters.stamps import StampError, moment
from thoughtengine.errors import ImportFormatError
from thoughtengine.memory.experience import Experience

__all__ = ["read"]

_SPEAKERS = frozenset({"user", "assistant"})


def read(path: Path, reading: Reading) -> Iterator[Experience]:
    """Read one experience per message of a person or the assistant, along the branch that was shown last.

    The conversation's id is the episode and its title a tag; what the system and tools wrote is left out. The key is
    the message's id, so that a later export adds only what is new.

    Raises
    ------
    ImportFormatError
        For what is no such export, and for a conversation of another form, with its number.
    """
    elements = Elements(path, reading)
    for number in elements.items():
        where = f"{elements.where}, conversation {number}"
        conversation = elements.value()
        try:
            yield from _conversation(conversation, reading)
        except (StampError, TypeError, KeyError, AttributeError) as error:
            expected = "expected a conversation with a mapping of messages"
            raise ImportFormatError(path, where, f"{expected}: {error!r:.120}") from error


def _conversation(conversation: dict[str, Any], reading: Reading) -> Iterator[Experience]:
    name = str(conversation.get("conversation_id") or conversation.get("id") or conversation.get("title"))
    title = str(conversation.get("title") or "").strip()
    for node in _branch(conversation["mapping"], conversation.get("current_node")):
        message = node.get("message") or {}
        role = (message.get("author") or {}).get("role")
        text = _text(message.get("content") or {})
        if role not in _SPEAKERS or not text:
            continue
        at = message.get("create_time") or conversation.get("create_time")
        yield Experience(
            text=text,
            key=f"chatgpt:{message.get('id') or node.get('id')}",
            at=moment(at, reading) if at is not None else None,
            source=role,
            tags=(title,) if title else (),
            episode=name,
        )


def _branch(mapping: dict[str, dict[str, Any]], leaf: str | None) -> list[dict[str, Any]]:
    """List the nodes from the root to a leaf; without a known leaf, to the end of the newest answers."""
    if leaf not in mapping:
        leaf = next((name for name, node in mapping.items() if node.get("parent") not in mapping), None)
        seen = set()
        while leaf in mapping and leaf not in seen and (children := mapping[leaf].get("children")):
            seen.add(leaf)
            leaf = children[-1]
    nodes: dict[str, dict[str, Any]] = {}
    while leaf is not None and leaf in mapping and leaf not in nodes:
        nodes[leaf] = mapping[leaf]
        leaf = mapping[leaf].get("parent")
    return list(reversed(nodes.values()))


def _text(content: dict[str, Any]) -> str:
    """Join the parts of a message that are words; a picture is named in brackets."""
    parts = content.get("parts") or [content.get("text") or ""]
    return "\n".join(filter(None, map(_part, parts))).strip()


def _part(part: Any) -> str:
    if isinstance(part, dict):
        kind = str(part.get("content_type") or "").removesuffix("_asset_pointer").replace("_", " ")
        return str(part.get("text") or (f"[{kind}]" if kind else ""))
    return part if isinstance(part, str) else ""
