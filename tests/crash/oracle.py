"""What may be found after a crash, computed from the diary alone, and whether it is what is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import thoughtengine as te
from tests.crash.upgrades import open_settled, payloads_wrong, vectors_wrong, went_wrong
from tests.crash.workloads import BACKUP, HARMED, MIND, TARGET, Durability, lines, marker

Guarantee = Literal["all", "prefix"]
LEFTOVERS = (".part", ".tmp", ".dbtmp")
EVERY_LAYER = ("sensory", "emotion", "logic", "dream", "eternal")
CHANGES: dict[str, dict[str, Any]] = {
    "forget": {"there": False},
    "undo forget": {"there": True},
    "pin": {"layer": "eternal"},
    "undo pin": {"layer": "sensory"},
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one memory; an id of None: it was never acknowledged."""

    id: int | None
    key: str | None
    source: str | None
    layer: str = "sensory"
    replaced_by: str | None = None
    there: bool = True

    def fits(self, other: Entry) -> bool:
        """Tell whether what was found is this."""
        return replace(self, id=other.id) == other and self.id in (None, other.id)


@dataclass(frozen=True, slots=True)
class State:
    """A mind as the diary tells it, by text."""

    entries: dict[str, Entry] = field(default_factory=dict)
    erased: frozenset[str] = frozenset()

    def visible(self) -> dict[str, Entry]:
        """Give what is there and not forgotten."""
        return {text: entry for text, entry in self.entries.items() if entry.there}

    def fits(self, found: dict[str, Entry]) -> bool:
        """Tell whether exactly this was found."""
        expected = self.visible()
        return expected.keys() == found.keys() and all(entry.fits(found[text]) for text, entry in expected.items())

    def after(self, intent: dict[str, Any], done: dict[str, Any] | None) -> State:
        """Give the state after an action; without an acknowledgement its ids are not known."""
        verb, items, of = intent["intent"], intent.get("items", ()), set(intent.get("of", ()))
        entries = dict(self.entries)
        ids = done["ids"] if done else [None] * len(items)
        for item, memory in zip(items, ids, strict=True):
            entries[item["text"]] = Entry(memory, item["key"], item["source"])
        if verb == "revise":
            _replace(entries, intent["old"], items[0]["text"])
        concerned = {text: entry for text, entry in entries.items() if entry.id in of}
        if verb == "erase":
            rest = {text: entry for text, entry in entries.items() if text not in concerned}
            return State(rest, self.erased | concerned.keys())
        change = CHANGES.get(verb, {})
        return State(entries | {text: replace(entry, **change) for text, entry in concerned.items()}, self.erased)


def _replace(entries: dict[str, Entry], old: int, text: str) -> None:
    """The new memory has what the old one had, save its text and the mark of a pin."""
    for before, entry in list(entries.items()):
        if entry.id == old:
            entries[before] = replace(entry, replaced_by=text)
            entries[text] = replace(entries[text], key=entry.key, source=entry.source)


@dataclass(frozen=True, slots=True)
class Allowed:
    """One state that may be found, and what finding it means."""

    state: State
    meaning: str


def allowed(diary: Path, guarantee: Guarantee) -> list[Allowed]:
    """Give the states that may be found.

    Parameters
    ----------
    diary
        What was intended and acknowledged.
    guarantee
        "all": everything acknowledged, and the action in flight whole or not at all. "prefix": also any earlier state,
        back to the last one that a sync or close had made durable.
    """
    history, in_flight = [State()], []
    for intent, done in lines(diary):
        following = history[-1].after(intent, done)
        if done is None:
            in_flight = [Allowed(following, "all, and the one in flight")]
            break
        forgettable = guarantee == "prefix" and intent["intent"] not in {"close", "sync"}
        history = [*history, following] if forgettable else [following]
    meanings = [f"without the last {n}" if n else "all" for n in reversed(range(len(history)))]
    return [*map(Allowed, reversed(history), reversed(meanings)), *in_flight]


# ---- looking ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Verdict:
    """What was found: a word for the table, and everything that may not be."""

    outcome: str = ""
    violations: list[str] = field(default_factory=list)

    def demand(self, holds: bool, otherwise: str) -> None:
        """Note a violation unless something holds."""
        if not holds:
            self.violations.append(otherwise)


def judge(root: Path, diary: Path, spare: Path, *, guarantee: Guarantee, durability: Durability) -> Verdict:
    """Reopen what a crash left, and hold it against the diary.

    Parameters
    ----------
    root
        Folder in which the mind's folder is.
    diary
        What the child wrote.
    spare
        Folder outside the root, for what is restored to be looked at.
    guarantee
        What must have survived.
    durability
        As the child opened it.
    """
    verdict = Verdict()
    possible = allowed(diary, guarantee)
    _judge_targets(verdict, root, diary, spare, guarantee)
    state = _judge_mind(verdict, root / MIND, possible, durability)
    if state is not None:
        _judge_bytes(verdict, root, state)
        _judge_going_on(verdict, root / MIND, state, durability)
    harmed = (diary.parent / HARMED).exists()
    _judge_leftovers(verdict, root, harmed=harmed)
    if guarantee == "all":
        found = (root / MIND / "incidents").glob("*")
        incidents = [
            path.name
            for path in found
            if not path.name.endswith("-upgrade.json")  # one that nobody signed off
            and '"message": ".te/' not in path.read_text()  # what the workload itself has damaged
        ]
        told = [name for name in incidents if harmed and name.endswith("-damage.json")]
        verdict.demand(not harmed or bool(told), "no incident tells of the damage")
        verdict.demand(incidents == told, f"an incident although nothing acknowledged may be lost: {incidents}")
    if state is not None:
        gone = {entry.key for entry in state.entries.values() if not entry.there}
        items = [item for intent, _ in lines(diary) for item in intent.get("items", ())]
        gone |= {item["key"] for item in items if item["text"] in state.erased}
        verdict.violations += went_wrong(root, diary, {key.partition(":")[2] for key in gone if key})
    return verdict


def observe(mind: Any) -> dict[str, Entry]:
    """Give what a mind shows, by text."""
    memories = list(mind.memories(layers=EVERY_LAYER))
    texts = {memory.id: memory.text for memory in memories}
    return {
        memory.text: Entry(memory.id, memory.key, memory.source, memory.layer, texts.get(memory.superseded_by))
        for memory in memories
    }


def _judge_mind(verdict: Verdict, path: Path, possible: list[Allowed], durability: Durability) -> State | None:
    with open_settled(path, durability=durability) as mind:
        findings = [finding for finding in mind.check() if not finding.where.endswith(".segment")]
        verdict.demand(findings == [], f"check() finds {[str(finding) for finding in findings]}")
        found = observe(mind)
        match = next((each for each in possible if each.state.fits(found)), None)
        verdict.outcome = match.meaning if match else "something else"
        if match is None:
            verdict.violations.append(f"found {describe(found)}, expected {describe(possible[0].state.visible())}")
            return None
        _judge_recall(verdict, mind, match.state)
        mind._memories.live.upkeep.wait()  # files of the index are not synced: a torn one is made again when it is met
        verdict.demand(mind.check() == [], f"check() after a recall finds {mind.check()}")
        verdict.violations += payloads_wrong(mind) + vectors_wrong(mind)
    return match.state


def _judge_recall(verdict: Verdict, mind: Any, state: State) -> None:
    verdict.demand(len(mind) == len(state.visible()), f"len() is {len(mind)}, not {len(state.visible())}")
    for text, entry in state.entries.items():
        hits = [hit.text for hit in mind.recall(word(text), k=3)]
        shown = text in hits
        verdict.demand(shown == entry.there, f"recall of {text!r} gives {hits}")
    for text in state.erased:
        verdict.demand(not list(mind.recall(word(text), k=3)), f"recall of the erased {text!r} gives something")


def word(text: str) -> str:
    """Give the marker in a text.

    Examples
    --------
    >>> word("Note 1 about abcdefghijklmnopqrstuvwx and the garden.")
    'abcdefghijklmnopqrstuvwx'
    """
    return text.split()[3]


def _judge_bytes(verdict: Verdict, root: Path, state: State) -> None:
    """An erased text must be in no file but those of copies, which are out of reach.

    The middle of its marker is looked for, as the ends may be shared with a neighbour.
    """
    words = [word(text)[4:-6].encode() for text in state.erased]
    reach = [path for path in files(root) if path.relative_to(root).parts[0] not in {BACKUP, TARGET}]
    for path in reach if words else ():
        content = path.read_bytes()
        holds = [word.decode() for word in words if word in content]
        verdict.demand(not holds, f"{path.relative_to(root)} still holds bytes of the erased {holds}")


def _judge_going_on(verdict: Verdict, path: Path, state: State, durability: Durability) -> None:
    """What was recovered must take a write, and be the same and sound at the next opening."""
    text = f"Note 0 about {marker('after the crash')} and the garden."
    with open_settled(path, durability=durability) as mind:
        memory = mind.remember(text)
        ids = [entry.id for entry in state.entries.values() if entry.id is not None]
        verdict.demand(memory > max(ids, default=0), f"the id {memory} was given out again (there were {ids})")
    with open_settled(path, create=False) as mind:
        further = State({**state.entries, text: Entry(memory, None, None)}, state.erased)
        found = observe(mind)
        verdict.demand(further.fits(found), f"at the second opening found {describe(found)}")
        verdict.demand(mind.check() == [], f"check() at the second opening finds {mind.check()}")


def _judge_targets(verdict: Verdict, root: Path, diary: Path, spare: Path, guarantee: Guarantee) -> None:
    """Copies that were acknowledged are whole; the one in flight is whole, or absent and can be made again."""
    states = [State()]
    for intent, done in lines(diary):
        states.append(states[-1].after(intent, done))
        if "target" in intent:
            expected = states[-1:] if guarantee == "all" else states
            mind = _copy_in_question(verdict, root, intent, spare, acknowledged=done is not None)
            if mind is not None:
                _judge_copy(verdict, mind, intent["intent"], expected)


def _copy_in_question(
    verdict: Verdict, root: Path, intent: dict[str, Any], spare: Path, *, acknowledged: bool
) -> Path | None:
    """Give the mind that a copy is, or that is restored from it; None: it was never made."""
    verb: str = intent["intent"]
    target = root / str(intent["target"])
    again: dict[str, Callable[[], Any]] = {
        "backup": lambda: te.backup(root / MIND, target),
        "restore": lambda: te.restore(root / BACKUP, target),
        "fork": lambda: te.fork(root / MIND, target),
    }
    if not target.exists():
        verdict.demand(not acknowledged, f"the acknowledged {verb} {target.name} is not there")
        if acknowledged or verb not in again:
            return None
        again[verb]()
    if verb in {"restore", "fork"}:
        return target
    te.restore(target, spare / target.name)
    return spare / target.name


def _judge_copy(verdict: Verdict, mind: Path, verb: str, expected: list[State]) -> None:
    with te.open(mind, create=False) as copy:
        found = observe(copy)
        fits = any(state.fits(found) for state in expected)
        verdict.demand(fits, f"the {verb} holds {describe(found)}, not {describe(expected[-1].visible())}")
        verdict.demand(copy.check() == [], f"check() of the {verb} finds {copy.check()}")


def _judge_leftovers(verdict: Verdict, root: Path, *, harmed: bool) -> None:
    names = [path.relative_to(root) for path in root.rglob("*") if not (harmed and "quarantine" in path.parts)]
    left = [str(name) for name in names if name.name.endswith(LEFTOVERS)]
    verdict.demand(not left, f"leftovers: {left}")
    generations = sorted(path.name for path in (root / MIND).glob("gen-*"))
    verdict.demand(len(generations) == 1, f"generations: {generations}")


def files(root: Path) -> Iterator[Path]:
    """Yield every file below a folder."""
    return (path for path in root.rglob("*") if path.is_file())


def describe(entries: dict[str, Entry]) -> str:
    """Say in one line what is there."""
    said = [
        f"{entry.id}:{word(text)[:6]}" + ("*" if entry.layer == "eternal" else "") for text, entry in entries.items()
    ]
    return f"{len(said)} memories ({' '.join(said)})"
