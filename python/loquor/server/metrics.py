"""What Prometheus is told: counts and times of speech, and how full the server is."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

__all__ = ["CONTENT_TYPE", "Metrics", "Pace"]

CONTENT_TYPE = CONTENT_TYPE_LATEST

_FIRST_SOUND = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60)
_REAL_TIME = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 5, 10)


class Metrics:
    """One server's, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._gauges: dict[str, Gauge] = {}
        self.requests = Counter(
            "loquor_requests", "Requests for speech, by how they ended.", ("outcome",), registry=registry
        )
        self.cancels = Counter(
            "loquor_cancels", "Requests whose client went away or cancelled.", registry=registry
        )
        self.shared = Counter(
            "loquor_shared", "Requests served from what was being made for another.", registry=registry
        )
        self.underruns = Counter(
            "loquor_underruns", "Times that playback would have run dry.", registry=registry
        )
        self.audio_seconds = Counter(
            "loquor_audio_seconds", "Speech that was made, in seconds.", registry=registry
        )
        self.first_sound = Histogram(
            "loquor_first_sound_seconds",
            "From a request to its first sound, waiting included.",
            buckets=_FIRST_SOUND,
            registry=registry,
        )
        self.real_time = Histogram(
            "loquor_real_time_factor",
            "Time that a request took in its slot over the length of its speech.",
            buckets=_REAL_TIME,
            registry=registry,
        )

    def gauge(self, name: str, sentence: str, value: Callable[[], float], model: str | None = None) -> None:
        """Show `value()`, asked for at each scrape, as `loquor_NAME`, of one `model` if it is given."""
        labels = () if model is None else ("model",)
        gauge = self._gauges.get(name) or Gauge(f"loquor_{name}", sentence, labels, registry=self._registry)
        self._gauges[name] = gauge
        (gauge if model is None else gauge.labels(model)).set_function(value)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self._registry)


class Pace:
    """A player that begins with the first sound: says when it would have run dry."""

    def __init__(self) -> None:
        self._until: float | None = None

    def heard(self, now: float, seconds: float) -> bool:
        """Take `seconds` of sound at the time `now`; whether playback stood still before it."""
        if not seconds:  # the end of a format
            return False
        dry = self._until is not None and now > self._until
        self._until = (now if dry or self._until is None else self._until) + seconds
        return dry

    def held_back(self) -> None:
        """The listener did not take what there was: no clock of ours runs."""
        self._until = None
