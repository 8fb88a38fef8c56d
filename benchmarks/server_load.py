"""Does the server stay as it is under load: slow readers, clients that leave, floods beyond its queue?

    python benchmarks/server_load.py [--clients 64] [--seconds 120] [--slots 8] [--queue 32] [--json FILE]

A server of its own process, asked by so many clients at once, each of which does again and again one of: hear
a text to its end, hear it slowly, leave on the way or before the first sound, send what is wrong, or flood it
with ten requests. Every response must be whole speech, or a JSON error with a status that says so; refused
ones say when to come back. Memory (RSS) is read every second: it is flat if the last third's median is no
more than 10 % above the middle one's. The longest wait between two chunks of one that reads is told. Exits
with 1 if anything is otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from harness import heading, keep, row_of

TEXT = "The train to the coast leaves at seven in the morning, and number {} is late again today. "
KINDS = ("hear",) * 4 + ("slow",) * 3 + ("leave",) * 3 + ("leave_early", "wrong", "flood")
READ_LIMIT = 180.0
BYTES_PER_SECOND = {"pcm": 48_000, "mp3": 8_000}


class Load:
    """What was seen."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.dry: list[float] = []
        """The longest standstill of each that was heard to its end, in seconds."""
        self.first: list[float] = []

    async def client(self, number: int, until: float) -> None:
        """Ask until the time is over."""
        choice, count = random.Random(number), 0
        while time.monotonic() < until:
            kind = choice.choice(KINDS)
            count += 1
            seed = 100_000 * number + count  # which makes it a request of its own
            text = TEXT.format(seed) * choice.randint(1, 4)
            try:
                if kind == "flood":
                    flood = (self.ask(f"{text} {each}", "hear", choice) for each in range(10))
                    await asyncio.gather(*flood)
                else:
                    await self.ask("" if kind == "wrong" else text, kind, choice)
            except (OSError, EOFError, asyncio.TimeoutError) as error:
                self.wrong.append(f"{kind}: {error!r}")
            await asyncio.sleep(choice.random() * 0.2)

    async def ask(self, text: str, kind: str, choice: random.Random) -> None:
        """One request."""
        name = choice.choice(tuple(BYTES_PER_SECOND))
        body = json.dumps({"input": text, "response_format": name}).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=8192)
        try:
            writer.write(
                b"POST /v1/audio/speech HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
                + f"connection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode()
                + body
            )
            if kind == "leave_early":
                await asyncio.sleep(0.1 * choice.random())
                self.seen["left early"] += 1
                return
            start = time.monotonic()
            head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), READ_LIMIT)).decode()
            status = int(head.split()[1])
            if status == 200:
                self.first.append(time.monotonic() - start)
                await self.hear(reader, kind, BYTES_PER_SECOND[name])
            else:
                error = json.loads(await reader.read())["error"]
                if kind != "wrong" and (status not in (429, 503) or "retry-after" not in head):
                    self.wrong.append(f"{status} for {kind}: {error}")
                self.seen[f"{status} {error['code']}"] += 1
        finally:
            writer.close()

    async def hear(self, reader: asyncio.StreamReader, kind: str, rate: int) -> None:
        """Read the chunks of a body, which must have an end."""
        size, dry, played_until = 0, 0.0, math.inf
        while True:
            line = await asyncio.wait_for(reader.readline(), READ_LIMIT)
            if not line:
                self.wrong.append(f"a body without its end, after {size} bytes, for {kind}")
                return
            count = int(line, 16)
            await asyncio.wait_for(reader.readexactly(count + 2), READ_LIMIT)
            now = time.monotonic()
            if count == 0:
                break
            dry = max(dry, now - played_until)
            played_until = (now if not size else max(now, played_until)) + count / rate
            size += count
            if kind == "leave":
                self.seen["left"] += 1
                return
            if kind == "slow":
                await asyncio.sleep(0.5)
        self.seen["heard slowly" if kind == "slow" else "heard"] += 1
        if kind == "hear":
            self.dry.append(dry)
        if size < 2000:
            self.wrong.append(f"only {size} bytes of speech")


async def watch(pid: int, until: float, sizes: list[int]) -> None:
    """Read the memory of the server each second."""
    while time.monotonic() < until:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        sizes.append(int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024)  # type: ignore[index]
        await asyncio.sleep(1)


async def run(load: Load, pid: int, clients: int, seconds: float) -> list[int]:
    until, sizes = time.monotonic() + seconds, []
    works = [load.client(number, until) for number in range(clients)]
    await asyncio.gather(watch(pid, until, sizes), *works)
    return sizes


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--queue", type=int, default=32)
    parser.add_argument("--starved", type=float, default=1.0, metavar="S", help="(default: 1)")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = parser.parse_args()
    command = [sys.executable, "-m", "loquor", "serve", "--port", "0", f"--slots={given.slots}"]
    with subprocess.Popen([*command, f"--queue={given.queue}"], stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        found = re.search(r":(\d+) \(", server.stderr.readline())
        if found is None:
            raise SystemExit(f"the server does not start: {server.stderr.read()}")
        load = Load(int(found[1]))
        sizes = asyncio.run(run(load, server.pid, given.clients, given.seconds))
        server.terminate()
        log = server.stderr.read()
        ended = server.wait(120)
    third = max(1, len(sizes) // 3)
    middle, last = statistics.median(sizes[third : 2 * third] or sizes), statistics.median(sizes[-third:])
    about = heading(f"{given.clients} clients for {given.seconds:g} s")
    for what, count in sorted(load.seen.items()):
        print(f"{count:6d}  {what}")
    print(f"memory {middle / 1e6:.0f} MB in the middle third, {last / 1e6:.0f} MB in the last one")
    print(f"first sound {_spread(load.first)}")
    still = [seconds for seconds in load.dry if seconds > 0]
    print(
        f"{len(still)} of {len(load.dry)} that were heard to their end stood still, the longest for "
        f"{max(load.dry, default=0):.2f} s at a time"
    )
    starved = sum(seconds > given.starved for seconds in load.dry)
    if starved or not load.dry:
        load.wrong.append(f"{starved} of {len(load.dry)} streams starved")
    if last > 1.1 * middle:
        load.wrong.append("memory grew")
    if ended != 0 or "Traceback" in log:
        load.wrong.append(f"the server ended with {ended}: {log[-2000:]}")
    for wrong in load.wrong[:20]:
        print(f"wrong: {wrong}")
    if given.json:
        rows = [
            row_of("memory", [size / 1e6 for size in sizes], unit="MB"),
            row_of("first_sound", load.first or [0.0]),
            row_of("lag", load.dry or [0.0]),
        ]
        keep(rows, given.json, about, seen=dict(load.seen))
    return 1 if load.wrong else 0


def _spread(seconds: list[float]) -> str:
    if not seconds:
        return "-"
    ordered = sorted(seconds)
    late = ordered[int(0.95 * (len(ordered) - 1))]
    return f"{statistics.median(ordered):.2f} s, p95 {late:.2f} s (n={len(ordered)})"


if __name__ == "__main__":
    sys.exit(main())
