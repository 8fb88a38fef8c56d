"""A server on a free port of this machine, in a thread of the test's process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from loquor import Engine
from loquor.server.app import create_app
from loquor.server.running import Server, bind, server_of
from loquor.server.service import Service
from loquor.server.settings import Settings

__all__ = ["Serving", "eventually", "serving"]


@dataclass
class Serving:
    """One that runs: where it is, and what its requests share."""

    port: int
    service: Service
    server: Server
    thread: threading.Thread

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/audio/speech/stream"

    def total(self, name: str, **labels: str) -> float:
        """A number of its metrics."""
        from prometheus_client.parser import text_string_to_metric_families

        for family in text_string_to_metric_families(self.service.metrics.text().decode()):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return float(sample.value)
        return 0.0


@contextmanager
def serving(open_engine: Callable[[], Engine] = Engine, **settings: Any) -> Iterator[Serving]:
    """Serve `mini` meanwhile, or the models of the settings."""
    made = Settings(**({"models": {"mini": open_engine}} | settings))
    app = create_app(made)
    with bind("127.0.0.1", 0) as listener:
        server = server_of(app, made)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), name="server")
        thread.start()
        try:
            eventually(lambda: server.started or not thread.is_alive(), 60)
            yield Serving(listener.getsockname()[1], app.state.service, server, thread)
        finally:
            server.should_exit = True
            thread.join(20)
            server.force_exit = True
            thread.join(20)


def eventually(true: Callable[[], object], seconds: float = 20) -> None:
    """Return once it is true. Raises `TimeoutError`."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise TimeoutError("it did not become true")
        time.sleep(0.005)
