"""What is found: concepts, associations, sequences, rhythms, and what comes next."""

from __future__ import annotations

import calendar
import datetime as dt
import math
from collections.abc import Sequence as SequenceOf

import attrs

__all__ = [
    "CLEAR", "DAY", "MONTH", "MONTHS", "WEEKDAYS", "YEAR", "Association", "Concept", "Episode", "Prediction", "Rhythm",
    "Sequence", "below", "clock", "listed", "ordinal", "past", "recurring", "rough", "says", "spoken", "weekdays_named", "when",
]  # fmt: skip

_SPANS = (
    (31_556_952, "year"),
    (2_629_746, "month"),
    (604_800, "week"),
    (86_400, "day"),
    (3600, "hour"),
    (60, "minute"),
)

DAY, MONTH, YEAR = 86_400, 2_629_746, 31_556_952
_ALMOST = 0.98  # of a span: from which on it is told as one
_PARTS = {43_200: "half days", 28_800: "thirds of a day", 21_600: "quarters of a day", 1_209_600: "fortnights"}
_WEAK, CLEAR = 0.5, 0.7  # strengths from which on a time is told as usual, and as the time
_EPOCH = dt.datetime(1970, 1, 1)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = tuple(calendar.month_name[1:])


def spoken(seconds: float) -> str:
    """Return a length of time as people say it.

    Examples
    --------
    >>> spoken(604800), spoken(604700), spoken(5400), spoken(0.4)
    ('1 week', '1 week', '1.5 hours', '0.4 seconds')
    """
    for span, name in (*_SPANS, (1, "second")):
        if seconds >= _ALMOST * span or span == 1:
            n = round(seconds / span, 1)
            return f"{n:g} {name}" + ("" if n == 1 else "s")
    return f"{seconds:g} seconds"


def ordinal(number: int) -> str:
    """Return a number as people count days.

    Examples
    --------
    >>> [ordinal(number) for number in (1, 2, 13, 23)]
    ['1st', '2nd', '13th', '23rd']
    """
    return f"{number}{'th' if 4 <= number <= 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def listed(names: SequenceOf[str]) -> str:
    """Return names as people list them.

    Examples
    --------
    >>> listed(["08:00"]), listed(["08:00", "13:00", "19:00"])
    ('08:00', '08:00, 13:00 and 19:00')
    """
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def weekdays_named(days: SequenceOf[int]) -> str:
    """Return days of the week, 0 for Monday, as people list them.

    Examples
    --------
    >>> weekdays_named([1, 3]), weekdays_named(range(5))
    ('Tuesdays and Thursdays', 'weekdays')
    """
    return "weekdays" if list(days) == [0, 1, 2, 3, 4] else listed([f"{WEEKDAYS[day]}s" for day in days])


def rough(number: float) -> str:
    """Return how many are expected, in two digits where that is few.

    Examples
    --------
    >>> rough(0.0123), rough(9.87), rough(123.4), rough(12345.6)
    ('0.012', '9.9', '123', '12,346')
    """
    return f"{number:.2g}" if number < 10.0 else f"{number:,.0f}"


def below(trust: float) -> str:
    """Return a trust in two digits, never rounded up: just below one half is not one half.

    Examples
    --------
    >>> below(0.4999), below(0.123)
    ('0.49', '0.12')
    """
    return f"{math.floor(100.0 * trust) / 100.0:.2f}"


def _doubt(trust: float) -> str:
    """Return what is to be said of a pattern that is not trusted any more."""
    return "" if trust >= 0.5 else f", trust {below(trust)}"


@attrs.frozen(repr=False)
class Concept:
    """Memories that are alike.

    Attributes
    ----------
    id : int
        Of its oldest member; it stays when concepts merge.
    label : str
        Its most telling words.
    terms : tuple of str
        The same, more of them, most telling first.
    n_members : int
        How many joined it.
    exemplars : tuple of int
        Ids of the memories that were most alike to it: its evidence.
    trust : float
        How far to rely on it now, in [0, 1]: see `PatternManager.feedback`.
    """

    id: int
    label: str
    terms: tuple[str, ...]
    n_members: int
    exemplars: tuple[int, ...]
    trust: float = 1.0

    def __repr__(self) -> str:
        told = f"{self.n_members:,} members, such as {list(self.exemplars[:3])}{_doubt(self.trust)}"
        return f"<Concept {self.id} {self.label!r}: {told}>"


@attrs.frozen(repr=False)
class Association:
    """Two things that come together more often than chance and the size of experiences explain.

    Attributes
    ----------
    items : tuple of str
        Tags, sources, names or concepts.
    n : int
        How often they came together, at least.
    expected : float
        How often chance alone would bring them together.
    lift : float
        How many times more often than that, at least (lower bound of 95 %).
    q_value : float
        Expected share of false ones among all associations as clear as this.
    evidence : tuple of int
        Ids of memories, newest first, three at most.
    id : int
        Of the pattern: the same after a restart, and after learning anew.
    trust : float
        How far to rely on it now, in [0, 1]: see `PatternManager.feedback`.
    """

    items: tuple[str, str]
    n: int
    expected: float
    lift: float
    q_value: float
    evidence: tuple[int, ...]
    id: int = 0
    trust: float = 1.0

    def __repr__(self) -> str:
        told = (
            f"{self.n:,} times, {rough(self.expected)} by chance, lift at least {self.lift:.1f}, q {self.q_value:.1g}"
        )
        told += _doubt(self.trust)
        return f"<Association {self.items[0]!r} with {self.items[1]!r}: {told}>"


@attrs.frozen(repr=False)
class Sequence:
    """What follows what.

    Attributes
    ----------
    given : tuple of str
        What came before, oldest first; `PatternManager.anticipate` takes it as it is.
    then : str
        What comes next.
    n : int
        How often it did, at least.
    confidence : float
        In how many of the cases, in [0, 1].
    lag_seconds : float
        After how long, a typical one.
    q_value : float
        Expected share of false ones among all sequences as clear as this.
    evidence : tuple of int
        Ids of memories, newest first, three at most.
    id : int
        Of the pattern: the same after a restart, and after learning anew.
    trust : float
        How far to rely on it now, in [0, 1]: see `PatternManager.feedback`.
    at_once : bool
        Whether those given were tags of one experience, and did not follow each other.
    """

    given: tuple[str, ...]
    then: str
    n: int
    confidence: float
    lag_seconds: float
    q_value: float
    evidence: tuple[int, ...]
    id: int = 0
    trust: float = 1.0
    at_once: bool = False

    def __repr__(self) -> str:
        given = (" with " if self.at_once else " → ").join(map(repr, self.given))
        told = f"{self.confidence:.0%} of {round(self.n / max(self.confidence, 1e-9)):,}" + (
            f", after {spoken(self.lag_seconds)}" if self.lag_seconds >= 1.0 else ""
        )
        return f"<Sequence {given} → {self.then!r}: {told}, q {self.q_value:.1g}{_doubt(self.trust)}>"


@attrs.frozen(repr=False)
class Rhythm:
    """What recurs.

    Attributes
    ----------
    what : str
        A tag, source, name or concept.
    period_seconds : float
        The best of its periods.
    phase_seconds : float
        When in the period it peaks: after midnight on the clock on the wall for a day, after Monday for weeks, after
        1 January 1970 for months, years and other numbers of days.
    strength : float
        In [0, 1]: 0 at any time alike, 1 always at the same.
    n : int
        Moments that counted; of a burst only the first does.
    q_value : float
        Expected share of false ones among all rhythms as clear as this.
    evidence : tuple of int
        Ids of memories, newest first, three at most.
    id : int
        Of the pattern: the same after a restart, and after learning anew.
    trust : float
        How far to rely on it now, in [0, 1]: see `PatternManager.feedback`.
    kept : float
        In how many of the periods that went by it came, in (0, 1]: of a tag or source, in its own run, so that what came
        years before does not count; where it goes by weekdays, or every so many days or months, in how many of those.
    told : str
        How often and when, as people say it: of a tag or source, from its moments on the calendar.
    """

    what: str
    period_seconds: float
    phase_seconds: float
    strength: float
    n: int
    q_value: float
    evidence: tuple[int, ...] = ()
    id: int = 0
    trust: float = 1.0
    kept: float = 1.0
    told: str = ""

    def __repr__(self) -> str:
        told = f"{says(self)}, strength {self.strength:.2f}"
        return f"<Rhythm {self.what!r}: {told}, {self.n:,} times, q {self.q_value:.1g}{_doubt(self.trust)}>"


def says(rhythm: Rhythm) -> str:
    """Return how often and when something recurs, as people say it; no time of a day, month or year where it comes at many.

    Examples
    --------
    >>> says(Rhythm("tea", 86_400, 30_600, 0.6, 20, 1e-6)), says(Rhythm("spare time", 86_400, 30_600, 0.3, 20, 1e-6))
    ('every day, mostly about 08:30', 'every day')
    """
    if rhythm.told:
        return rhythm.told
    often, strength = recurring(rhythm.period_seconds, rhythm.kept), rhythm.strength
    if strength < _WEAK:
        return f"{often}, more often {when(rhythm)}" if rhythm.period_seconds == 7 * DAY else often
    return f"{often}, {'' if strength >= CLEAR else 'mostly '}{when(rhythm)}"


def recurring(period: float, kept: float) -> str:
    """Return how often something recurs, as people say it; what leaves out most of its periods is not said to come in every one.

    Examples
    --------
    >>> recurring(86_400, 0.9), recurring(86_400, 0.6), recurring(86_400, 0.2), recurring(43_200, 0.2)
    ('every day', 'most days', '20% of the days', '20% of the half days')
    >>> recurring(259_200, 0.9), recurring(864_000, 0.6), recurring(28_800, 0.6), recurring(3_628_800, 0.9)
    ('every 3 days', 'mostly every 10 days', 'mostly every 8 hours', 'every 6 weeks')
    """
    span = spoken(period)
    if period % DAY == 0 and period != DAY:  # six weeks are not 1.4 months
        weeks, beside = divmod(round(period), 7 * DAY)
        span = f"{period // DAY:.0f} days" if beside else f"{weeks} week{'' if weeks == 1 else 's'}"
    if not span.startswith("1 ") and round(period) not in _PARTS:
        return f"{'' if kept >= 0.75 else 'mostly '}every {span}"
    one = span.removeprefix("1 ")
    several = _PARTS.get(round(period), f"{one}s")
    if kept < 0.5:
        return f"{max(kept, 0.01):.0%} of the {several}"
    if kept >= 0.75:
        return f"every {one}"
    return f"mostly every {one}" if one[0].isdecimal() else f"most {several}"


def when(rhythm: Rhythm) -> str:
    """Return when in its period a rhythm peaks, as people say it.

    Examples
    --------
    >>> when(Rhythm("tea", 86_400, 30_600, 0.9, 20, 1e-6)), when(Rhythm("rent", 2_629_746, 0, 0.9, 20, 1e-6))
    ('about 08:30', 'about the 1st')
    """
    period, phase = rhythm.period_seconds, rhythm.phase_seconds
    if period == DAY:
        return f"about {clock(round(phase / 60) % 1440)}"
    if period % (7 * DAY) == 0:
        return f"on {WEEKDAYS[int(phase // DAY) % 7]}s"
    if period == MONTH:
        day = _day_of_month(phase)
        return f"about the {ordinal(day)}"
    if period == YEAR:
        day_ = _EPOCH + dt.timedelta(seconds=phase)
        return f"about {day_.day} {day_:%B}"
    minutes, step = round(phase / 60), round(period / 60)
    if period > DAY:
        return f"about {clock(minutes % 1440)}"
    if step < 60 * 2:
        return past(minutes % step)
    return f"about {listed([clock(minute) for minute in range(minutes % step, 1440, step)])}"


def clock(minute: int) -> str:
    """Return a minute of the day as a clock shows it.

    Examples
    --------
    >>> clock(545)
    '09:05'
    """
    return f"{minute // 60:02}:{minute % 60:02}"


def past(minute: int) -> str:
    """Return a minute of the hour as people say it.

    Examples
    --------
    >>> past(0), past(1), past(20)
    ('on the hour', 'about 1 minute past', 'about 20 minutes past')
    """
    return f"about {minute} minute{'' if minute == 1 else 's'} past" if minute else "on the hour"


def _day_of_month(phase: float) -> int:
    """Return the day on which a rhythm of mean months peaks, on average over four years of months as they are."""
    angles = list[float]()
    for number in range(48):
        peak = _EPOCH + dt.timedelta(seconds=phase + number * MONTH)
        angles.append(2.0 * math.pi * (peak.day - 0.5) / calendar.monthrange(peak.year, peak.month)[1])
    mean = math.atan2(sum(map(math.sin, angles)), sum(map(math.cos, angles))) % (2.0 * math.pi)
    return int(mean / (2.0 * math.pi) * MONTH / DAY) + 1


@attrs.frozen(repr=False)
class Episode:
    """Memories that came one after the other, without a pause or a change of topic, where the host named no episode.

    Attributes
    ----------
    ids : tuple of int
        Of the memories, oldest first.
    begins, ends : datetime
        When its first and its last memory were.
    """

    ids: tuple[int, ...]
    begins: dt.datetime
    ends: dt.datetime

    def __repr__(self) -> str:
        seconds, n = (self.ends - self.begins).total_seconds(), len(self.ids)
        told = f"{self.begins:%Y-%m-%d %H:%M}" + (f", {spoken(seconds)}" if seconds else "")
        return f"<Episode of {n:,} {'memory' if n == 1 else 'memories'} from {self.ids[0]} on: {told}>"


@attrs.frozen(repr=False)
class Prediction:
    """What may come next.

    Attributes
    ----------
    what : str
        A tag, or the label of a concept.
    of : str
        ``"tag"`` or ``"concept"``.
    probability : float
        That it is among the tags of the next experience, calibrated on what came so far, in [0, 1].
    at : datetime or None
        When it is expected, if it is what comes next: of what is late the moment asked about; None where nothing is known.
    because : str
        What speaks for it.
    id : int
        Of the sequence from the last thing to this one, for `PatternManager.feedback`.
    """

    what: str
    of: str
    probability: float
    at: dt.datetime | None
    because: str
    id: int = 0

    def __repr__(self) -> str:
        clock = "" if self.at is None or (self.at.hour, self.at.minute) == (0, 0) else f" {self.at:%H:%M}"
        when = "" if self.at is None else f" about {self.at:%Y-%m-%d}{clock}"
        return f"<Prediction {self.what!r}: {self.probability:.0%}{when}, {self.because}>"
