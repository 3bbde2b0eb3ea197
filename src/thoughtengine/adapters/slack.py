"""Slack's export: a folder with a folder per channel, which holds a JSON file per day."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from thoughtengine.adapters.elements import Elements
from thoughtengine.adapters.intake import Reading, chunks
from thoughtengine.adapters.stamps import StampError, moment
from thoughtengine.errors import ImportFormatError
from thoughtengine.memory.experience import Experience

__all__ = ["days", "read"]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MENTION = re.compile(r"<([@#!])([^>|]+)(?:\|([^>]*))?>")
_LINK = re.compile(r"<((?:https?|mailto|tel):[^>|]+)(?:\|([^>]*))?>")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_NOISE = frozenset({"channel_join", "channel_leave", "group_join", "group_leave", "bot_add", "bot_remove"})


def read(path: Path, reading: Reading) -> Iterator[Experience]:
    """Read one experience per message of an export, a channel's folder, or one day's file.

    The people's names come from `users.json`; the channel is a tag, a thread (else the channel on that day) the
    episode. Joining and leaving is left out. The key is made of channel and stamp: an edited message is a revision.

    Raises
    ------
    ImportFormatError
        For what is no such export, and for a message of another form, with its place.
    """
    files = days(path)
    if not files:
        raise ImportFormatError(path, None, "expected an export of Slack: folders of files such as 2024-03-05.json")
    names = _names(path if path.is_dir() else path.parent, reading)
    for file in files:
        elements = Elements(file, reading)
        for number in elements.items():
            where = f"{elements.where}, message {number}"
            yield from _message(file, where, elements.value(), names, reading)


def days(path: Path) -> list[Path]:
    """List the files of days in an export, channel by channel."""
    if path.is_file():
        return [path]
    found = (*path.glob("*.json"), *path.glob("*/*.json"))
    return sorted(file for file in found if _DAY.fullmatch(file.stem))


def _names(folder: Path, reading: Reading) -> dict[str, str]:
    """Read the names of the people by their ids, from the export's folder or the one above."""
    file = next((f for f in (folder / "users.json", folder.parent / "users.json") if f.is_file()), None)
    if file is None:
        return {}
    try:
        users = json.loads("".join(chunks(file, reading)))
        return {user["id"]: _name(user.get("profile") or {}, user.get("name") or user["id"]) for user in users}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ImportFormatError(file, None, f"expected a list of users with ids and names: {error!r}") from error


def _name(profile: dict[str, Any], fallback: str) -> str:
    return str(profile.get("display_name") or profile.get("real_name") or fallback)


def _message(path: Path, where: str, message: Any, names: dict[str, str], reading: Reading) -> Iterator[Experience]:
    if not isinstance(message, dict) or not isinstance(message.get("text", ""), str):
        raise ImportFormatError(path, where, f"expected an object with a text, given {message!r:.60}")
    if message.get("type", "message") != "message" or message.get("subtype") in _NOISE:
        return
    try:
        at = moment(message.get("ts"), reading)
    except StampError as error:
        raise ImportFormatError(path, where, f"ts: {error}") from error
    text = _plain(message.get("text", ""), names).strip() or _attached(message)
    if text:
        channel, thread = path.parent.name, message.get("thread_ts")
        yield Experience(
            text=text,
            key=f"slack:{channel}:{message['ts']}",
            at=at,
            source=_speaker(message, names),
            tags=(channel,),
            episode=f"{channel} {thread}" if thread else f"{channel} {at:%Y-%m-%d}",
        )


def _speaker(message: dict[str, Any], names: dict[str, str]) -> str | None:
    user = str(message.get("user") or message.get("bot_id") or "")
    profile = message.get("user_profile")
    known = names.get(user) or (_name(profile, "") if isinstance(profile, dict) else "")
    return known or str(message.get("username") or user) or None


def _plain(text: str, names: dict[str, str]) -> str:
    """Write mentions by name, links by address, and the three escaped characters as they were typed."""

    def mention(found: re.Match[str]) -> str:
        shown = found[3] or names.get(found[2], found[2].partition("^")[0])
        return ("#" if found[1] == "#" else "@") + shown

    text = _LINK.sub(lambda found: f"{found[2]} ({found[1]})" if found[2] else found[1], _MENTION.sub(mention, text))
    for escaped, typed in _ENTITIES:
        text = text.replace(escaped, typed)
    return text


def _attached(message: dict[str, Any]) -> str:
    """Name what was sent without words."""
    files = (file for file in message.get("files") or () if isinstance(file, dict))
    parts = (part for part in message.get("attachments") or () if isinstance(part, dict))
    named = [f"[file {file.get('title') or file.get('name')}]" for file in files]
    return "\n".join(named + [str(part["fallback"]) for part in parts if part.get("fallback")])
