"""Chromium without a window, driven by its DevTools protocol."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from websockets.sync.client import ClientConnection, connect

__all__ = ["Browser", "browsing", "chromium"]

_NAMES = ("chromium-headless-shell", "chromium", "google-chrome")


def chromium() -> str | None:
    """Where it is, if it is installed."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Browser:
    """One page."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection, self._numbers = connection, itertools.count(1)
        self.complaints: list[str] = []
        """What the page or the browser logged as wrong, and exceptions."""

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol, and return its result."""
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (message := json.loads(self._connection.recv(60))).get("id") != number:
            self._note(message)
        assert "error" not in message, message
        return message["result"]

    def _note(self, message: dict[str, Any]) -> None:
        method, about = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(about["exceptionDetails"]))
        elif method == "Log.entryAdded" and about["entry"]["level"] == "error":
            self.complaints.append(about["entry"]["text"])

    def value(self, expression: str) -> Any:
        """What an expression is in the page; a promise is waited for."""
        result = self.call(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
            userGesture=False,
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def until(self, expression: str, seconds: float = 30) -> Any:
        """Wait until it is true, and return it."""
        end = time.monotonic() + seconds
        while not (value := self.value(expression)):
            if time.monotonic() > end:
                raise TimeoutError(f"{expression} stays {value!r}; status: {self.text('#status')}")
            time.sleep(0.02)
        return value

    def text(self, selector: str) -> str:
        """What an element shows."""
        return str(self.value(f"document.querySelector({selector!r}).textContent"))

    def click(self, selector: str) -> None:
        """Press the mouse's button in the middle of an element, as a hand does."""
        box = self.value(
            f"(() => {{ const e = document.querySelector({selector!r});"
            "e.scrollIntoView({block: 'center'});"
            "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def press(self, key: str, *, control: bool = False) -> None:
        """Press a key."""
        codes = {
            "Tab": 9,
            "Enter": 13,
            "Escape": 27,
            "End": 35,
            "Home": 36,
            "ArrowLeft": 37,
            "ArrowRight": 39,
        }
        code = codes[key]
        how = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": 2 * control}
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, **how)

    def picture(self, file: Path) -> None:
        """Keep a screenshot."""
        content = self.call("Page.captureScreenshot", format="png")["data"]
        file.write_bytes(base64.b64decode(content))


@contextmanager
def browsing(url: str, *, before: str = "", flags: tuple[str, ...] = ()) -> Iterator[Browser]:
    """Open a page, in which the script `before` ran first."""
    command = chromium()
    assert command is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        arguments = [
            "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
            f"--user-data-dir={folder}", "--window-size=900,1000", *flags, "about:blank",
        ]  # fmt: skip
        with subprocess.Popen(
            [command, *arguments], stderr=subprocess.DEVNULL, start_new_session=True
        ) as process:
            try:
                port = _port(Path(folder) / "DevToolsActivePort")
                pages = httpx2.get(f"http://127.0.0.1:{port}/json").json()
                target = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
                with connect(target, max_size=None) as connection:
                    browser = Browser(connection)
                    for domain in ("Page", "Runtime", "Log"):
                        browser.call(f"{domain}.enable")
                    browser.call("Page.addScriptToEvaluateOnNewDocument", source=before)
                    browser.call("Page.navigate", url=url)
                    browser.until("document.readyState === 'complete'")
                    yield browser
            finally:
                os.killpg(
                    process.pid, signal.SIGTERM
                )  # Debian's command is a script, which would leave it alone


def _port(file: Path) -> int:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if file.is_file() and (lines := file.read_text().splitlines()):
            return int(lines[0])
        time.sleep(0.02)
    raise TimeoutError("chromium does not start")
