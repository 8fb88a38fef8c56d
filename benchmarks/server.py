"""What does the server cost beside its engine: time to the first sound, all of it, and processor time?

    python benchmarks/server.py [--streams 8] [--rounds 7] [--formats pcm mp3 opus] [--json FILE]

So many texts at once, spoken by the engine's own sessions on an asyncio loop, then by the server on the same
engine, asked over HTTP by a process of its own (bare sockets that are connected before, so that what a client
costs is little; but it runs on the same cores). They take turns. Timed: a text's first chunk, from the moment
when all are asked for, so that waiting for those before it on an event loop counts on both sides; all texts
together; and the processor time of the process that speaks, which holds on a busy machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import threading
import time
from operator import itemgetter
from pathlib import Path
from typing import Any

from harness import heading, keep, row_of, table

import loquor
from loquor.server.app import create_app
from loquor.server.running import bind, server_of
from loquor.server.settings import Settings

TEXT = "The train to the coast leaves at seven in the morning, and number {} is late again today."


async def session(engine: loquor.Engine, voice: loquor.Voice, text: str) -> tuple[float, float]:
    """When its first chunk came, and seconds of speech."""
    first, samples = 0.0, 0
    async with engine.session(voice) as spoken:
        spoken.feed(text)
        spoken.end()
        async for chunk in spoken:
            first = first or time.perf_counter()
            samples += len(chunk)
        return first, samples / spoken.sample_rate


Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def request(link: Link, text: str, name: str) -> tuple[float, float]:
    """The same over HTTP. Of other formats than PCM the length is not known here: 0."""
    body = json.dumps({"input": text, "response_format": name}).encode()
    head = (
        "POST /v1/audio/speech HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"connection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    reader, writer = link
    writer.write(head.encode() + body)
    status = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in status[:20]:
        raise SystemExit(f"the server answered {status!r}")
    size = len(await reader.read(65_536))
    first = time.perf_counter()
    while chunk := await reader.read(65_536):
        size += len(chunk)
    writer.close()
    return first, size / 48_000 if name == "pcm" else 0.0


async def requests(port: int, texts: list[str], name: str) -> dict[str, Any]:
    links = [await asyncio.open_connection("127.0.0.1", port) for _ in texts]
    return await all_at_once([request(*each, name) for each in zip(links, texts, strict=True)])


async def all_at_once(works: list[Any]) -> dict[str, Any]:
    start = time.perf_counter()
    made = await asyncio.gather(*works)
    seconds = time.perf_counter() - start
    return {"first": [at - start for at, _ in made], "seconds": seconds, "speech": sum(s for _, s in made)}


def client() -> int:
    """A process that asks: lines of "port round streams format" in, lines of figures out."""
    for line in sys.stdin:
        port, number, streams, name = line.split()
        texts = [TEXT.format(int(number) + each) for each in range(int(streams))]
        print(json.dumps(asyncio.run(requests(int(port), texts, name))), flush=True)
    return 0


def measure(given: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Rounds of each way: "engine", and the formats of the server."""
    ways: dict[str, list[dict[str, Any]]] = {"engine": [], **{name: [] for name in given.formats}}
    with loquor.Engine(given.model, threads=given.threads) as engine, bind("127.0.0.1", 0) as listener:
        settings = Settings(models={given.model: lambda: engine})
        server = server_of(create_app(settings), settings)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        voice = engine.voice()
        command = [sys.executable, __file__, "--client"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as asking:
            assert asking.stdin is not None and asking.stdout is not None
            port = listener.getsockname()[1]
            while not server.started:
                time.sleep(0.01)
            for number in range(given.rounds + 1):  # the first one warms up
                order = list(ways)
                order = order[number % len(order) :] + order[: number % len(order)]
                texts = [TEXT.format(1000 * number + each) for each in range(given.streams)]
                for way in order:
                    cpu = time.process_time()
                    if way == "engine":
                        made = asyncio.run(all_at_once([session(engine, voice, text) for text in texts]))
                    else:
                        asking.stdin.write(f"{port} {1000 * number} {given.streams} {way}\n")
                        asking.stdin.flush()
                        made = json.loads(asking.stdout.readline())
                    made["cpu"] = time.process_time() - cpu
                    if number:
                        ways[way].append(made)
            asking.stdin.close()
        server.should_exit = True
        thread.join()
    return ways


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--formats", nargs="+", default=["pcm", "mp3", "opus"])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--client", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client:
        return client()
    about = heading(f"{given.streams} texts at once: {given.model}'s engine alone, and by the server")
    ways = measure(given)
    rows = [
        row_of(way, _samples(made, name), name=name, condition={"way": way}, shared={"figure": name})
        for name in ("first_sound", "all_texts", "processor_time")
        for way, made in ways.items()
    ]
    print("\n".join(table(rows)))
    for way in given.formats:
        pairs = list(zip(ways[way], ways["engine"], strict=True))
        later = statistics.median(_median(a) - _median(b) for a, b in pairs)
        slower, cpu = (statistics.median(a[n] / b[n] for a, b in pairs) for n in ("seconds", "cpu"))
        print(
            f"{way}: first sound {1e3 * later:+.1f} ms, time of all {slower - 1:+.1%}, processor time "
            f"{cpu - 1:+.1%} (medians of rounds)"
        )
    if given.json:
        keep(rows, given.json, about)
    return 0


def _median(made: dict[str, Any]) -> float:
    return statistics.median(made["first"])


def _samples(rounds: list[dict[str, Any]], name: str) -> list[float]:
    figures = {
        "first_sound": _median,
        "all_texts": itemgetter("seconds"),
        "processor_time": itemgetter("cpu"),
    }
    return [figures[name](made) for made in rounds]


if __name__ == "__main__":
    sys.exit(main())
