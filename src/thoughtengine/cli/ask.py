"""What is asked of a mind: recall, feeling, patterns, stats."""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from thoughtengine.cli.command import (
    FINE,
    FOUND_WRONG,
    Command,
    encoder_argument,
    mind_argument,
    natural,
    opened,
    upgrade_option,
)
from thoughtengine.cli.screen import bar, say

if TYPE_CHECKING:
    import datetime as dt

    from thoughtengine.engine import ThoughtEngine
    from thoughtengine.patterns.pattern import Prediction

__all__ = ["COMMANDS"]

_HEATED = 20_000  # experiences in the map of the week
_DATED = 64  # memories of a tag, the newest, that are looked at to tell whether it is their date
_COMING = 5  # things that may come next, at most


def _recall_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mind", metavar="MIND")
    parser.add_argument("cue", metavar="CUE", nargs="+", help="a question or words")
    parser.add_argument("-k", type=int, default=10, help="how many hits at most (default 10)")
    for name, what in (("source", "from"), ("tag", "with one of these tags"), ("layer", "of the layer")):
        parser.add_argument(f"--{name}", action="append", metavar=name.upper(), help=f"only {what} (may be repeated)")
    parser.add_argument("--episode", help="only of this episode")
    parser.add_argument("--since", metavar="WHEN", help="from then on: 2024-03-05, 2024-03-05T14:10+01:00")
    parser.add_argument("--until", metavar="WHEN", help="before then")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print JSON")
    shape.add_argument("--context", type=int, metavar="TOKENS", help="print what a model would read, within a budget")
    upgrade_option(parser)


def _recall(given: argparse.Namespace) -> int:
    import thoughtengine as te

    where = {"sources": given.source, "tags": given.tag, "layers": given.layer, "episode": given.episode}
    where |= {"since": (since := _when("--since", given.since)), "until": (until := _when("--until", given.until))}
    if since is not None and until is not None and since > until:
        raise te.InvalidArgumentError("--since", given.since, f"a moment before --until {given.until}")
    chosen = {name: value for name, value in where.items() if value is not None}
    with bar() as progress, opened(given, progress) as mind:
        mind.count()  # waits until the index is whole: nobody comes back here for the rest
        recall = mind.recall(" ".join(given.cue), k=given.k, **chosen)
        if given.context is not None:
            say(recall.context(given.context))
        else:
            say(json.dumps(_plain(recall), ensure_ascii=False, indent=2) if given.json else recall)
    return FINE if recall else FOUND_WRONG


def _when(option: str, written: str | None) -> Any:
    """Read a moment; a day alone begins at midnight here."""
    import datetime as dt

    from thoughtengine.adapters.intake import Reading
    from thoughtengine.adapters.stamps import StampError, moment
    from thoughtengine.errors import InvalidArgumentError

    if written is None:
        return None
    try:
        at = moment(written, Reading())
    except StampError as error:
        known = "a day or a moment, such as 2024-03-05 or 2024-03-05T14:10+01:00"
        raise InvalidArgumentError(option, written, known) from error
    return at if ":" in written else Reading().aware(at.date(), dt.time())


def _plain(recall: Any) -> dict[str, Any]:
    hits = [
        {
            "id": hit.id,
            "key": hit.memory.key,
            "layer": hit.memory.layer,
            "at": hit.at.isoformat(),
            "source": hit.source,
            "tags": list(hit.memory.tags),
            "episode": hit.memory.episode,
            "text": hit.text,
            "score": hit.score,
            "why": dict(hit.why),
            "n_repeats": hit.n_repeats,
            "chance": hit.chance,
        }
        for hit in recall
    ]
    told = {"cue": recall.cue.text, "seconds": recall.seconds, "n_candidates": recall.n_candidates, "fits": recall.fits}
    return told | {"coverage": recall.coverage, "hits": hits}


def _feeling_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mind", metavar="MIND")
    parser.add_argument("about", metavar="ABOUT", nargs="+", help="a source, a tag, or a topic")
    upgrade_option(parser)


def _feeling(given: argparse.Namespace) -> int:
    with bar() as progress, opened(given, progress) as mind:
        feeling = mind.feeling(" ".join(given.about))
    say(feeling)
    return FINE if feeling else FOUND_WRONG


# patterns


def _patterns_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mind", metavar="MIND")
    parser.add_argument("-k", type=natural, default=10, help="lines of each kind at most (default 10)")
    parser.add_argument("--rebuild", action="store_true", help="learn everything anew from the memories")
    encoder_argument(parser, "take this encoder over first, without which nothing belongs together")
    upgrade_option(parser)
    parser.add_argument("--dates", action="store_true", help="show labels that are dates, too")
    parser.add_argument("--json", action="store_true", help="print JSON, with q-values and evidence")


def _patterns(given: argparse.Namespace) -> int:
    from thoughtengine.patterns.page import page

    with bar() as progress, opened(given, progress) as mind:
        mind.events.subscribe(
            "progress", lambda event: progress(event.data["what"], event.data["done"], event.data["total"])
        )
        if given.rebuild:
            mind.patterns.rebuild()
        following = mind.anticipate(k=min(max(given.k, 1), _COMING))

        def dated(tag: str) -> Iterator[dt.datetime]:
            newest = mind.memories(newest_first=True, tags=[tag])
            return (memory.at for memory in itertools.islice(newest, _DATED))

        moments_of = None if given.dates else dated
        if given.json:
            told = json.dumps(_noticed(mind, following, given.k, moments_of), ensure_ascii=False, indent=2)
        else:
            newest = itertools.islice(mind.memories(newest_first=True), _HEATED)
            moments = [memory.at for memory in newest]
            told = page(
                mind.patterns, following, moments, k=given.k, read=lambda id_: mind[id_].text,
                count=lambda names: _having(mind, names), moments_of=moments_of,
            )  # fmt: skip
    say(told)
    return FINE


def _having(mind: ThoughtEngine, names: Sequence[str]) -> int:
    """Return how many memories have all of some names: as tags, or one of them as the source."""
    import thoughtengine as te

    if n := mind.count(tags=te.All(*names)):
        return n
    rests = ([other for other in names if other != name] for name in names)
    return max(mind.count(tags=te.All(*rest), sources=[name]) for name, rest in zip(names, rests, strict=True))


def _noticed(
    mind: ThoughtEngine,
    following: list[Prediction],
    k: int,
    moments_of: Callable[[str], Iterator[dt.datetime]] | None,
) -> dict[str, Any]:
    """Return what a mind noticed as JSON has it."""
    import attrs

    from thoughtengine.patterns.page import undated

    found = mind.patterns
    kinds: dict[str, list[Any]] = {
        "associations": found.associations(),
        "sequences": found.sequences(),
        "rhythms": found.rhythms(),
        "next": following,
    }
    if moments_of is not None:
        kinds = {name: undated(several, moments_of) for name, several in kinds.items()}
    kinds = {"concepts": found.concepts(), **kinds}
    rows = {name: [attrs.asdict(one) for one in several[:k]] for name, several in kinds.items()}
    return rows | {"next": [row | {"at": row["at"] and row["at"].isoformat()} for row in rows["next"]]}


def _stats_arguments(parser: argparse.ArgumentParser) -> None:
    mind_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    upgrade_option(parser)


def _stats(given: argparse.Namespace) -> int:
    import attrs

    with bar() as progress, opened(given, progress) as mind:
        stats = mind.stats()
    say(json.dumps(attrs.asdict(stats), indent=2) if given.json else stats)
    return FINE


COMMANDS = {
    "recall": Command("find what a question or words call up", _recall_arguments, _recall),
    "feeling": Command("tell how things stand with a source, a tag or a topic", _feeling_arguments, _feeling),
    "patterns": Command("show what was noticed, and what comes next", _patterns_arguments, _patterns),
    "stats": Command("show figures of a mind", _stats_arguments, _stats),
}
