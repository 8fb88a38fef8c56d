"""The page in a browser: a press, and it is heard; words, the waveform, a voice recorded and dropped."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

import loquor
from serving import Serving, eventually, serving
from serving.browser import Browser, browsing, chromium

pytestmark = pytest.mark.skipif(chromium() is None, reason="Chromium is not installed (scripts/setup --test)")

PICTURES = os.environ.get("LOQUOR_PICTURES")
"""A folder in which screenshots are kept, for people to look at."""
RECORDING = Path(loquor.__file__).with_name("mini") / "default_voice.wav"

EAR = """
globalThis.ear = {};
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
  if (target instanceof AudioDestinationNode) {
    ear.context = target.context;
    ear.analyser ??= new AnalyserNode(target.context, { fftSize: 2048 });
    connect.call(this, ear.analyser);
  }
  return connect.call(this, target, ...rest);
};
ear.level = () => {
  const samples = new Float32Array(2048);
  ear.analyser?.getFloatTimeDomainData(samples);
  return Math.max(...samples.map(Math.abs));
};
"""
"""Listens at the loudspeaker's side of the page's sound."""


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def opened(server: Serving) -> Iterator[Browser]:
    flags = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={RECORDING}",
    )
    with browsing(server.url, before=EAR, flags=flags) as browser:
        yield browser


@pytest.fixture
def browser(opened: Browser) -> Iterator[Browser]:
    opened.value("globalThis.stale = true")
    opened.call("Page.reload")
    opened.until("!globalThis.stale && document.querySelector('#status')?.textContent === 'Ready.'")
    opened.complaints.clear()
    yield opened
    assert opened.complaints == []


def write(browser: Browser, text: str) -> None:
    browser.value(f"document.querySelector('#text').value = {text!r}")


def keep(browser: Browser, name: str) -> None:
    if PICTURES:
        browser.picture(Path(PICTURES) / f"{name}.png")


def test_the_page_needs_nothing_from_elsewhere(server: Serving) -> None:
    for path in ("/", "/page.css", "/page.js"):
        response = httpx2.get(server.url + path)
        assert "default-src 'none'" in response.headers["content-security-policy"]
        without = response.text.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|@import|//[a-z]+\.", without)


def test_a_press_and_it_is_heard_while_it_is_made(server: Serving, browser: Browser) -> None:
    write(browser, "Hello there, and welcome. This page says what it is told, word by word. " * 4)
    browser.click("#speak")
    browser.until("ear.context?.state === 'running' && ear.level() > 0.01")
    before = browser.value("ear.context.currentTime")
    assert browser.until(f"ear.context.currentTime > {before} + 0.3")
    assert re.fullmatch(r"\d+ ms", browser.text("#first"))
    browser.until("document.querySelectorAll('#words .said').length >= 4")
    browser.until("document.querySelector('#words .now') !== null")
    keep(browser, "speaking-light")
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    keep(browser, "speaking-dark")
    browser.call("Emulation.setEmulatedMedia", features=[])
    browser.until("document.querySelector('#words span:not(.said)') !== null")  # made before it is heard
    browser.until("document.querySelector('#download').href", 60)
    assert browser.text("#status") == "Done."
    assert float(browser.text("#rtf")) > 0
    browser.press("Escape")
    browser.until("ear.level() === 0")


def test_the_keyboard_is_enough(server: Serving, browser: Browser) -> None:
    before = server.total("loquor_cancels_total")
    write(browser, "This is a long text, which nobody hears to its end. " * 60)
    browser.press("Enter", control=True)
    browser.until("ear.level() > 0.01")
    browser.press("Escape")
    eventually(lambda: server.total("loquor_cancels_total") == before + 1, 5)
    browser.until("document.querySelector('#status').textContent === 'Cancelled.'")
    browser.until("ear.level() === 0")
    browser.until("document.querySelector('#download').href")  # of what was made


def test_what_is_set_is_asked_for(browser: Browser) -> None:
    browser.value(
        "const real = fetch; globalThis.asked = []; globalThis.fetch = (path, how) => {"
        "if (how?.body) asked.push(JSON.parse(how.body)); return real(path, how); };"
        "document.querySelector('#voice').value = 'man'; document.querySelector('#seed').value = '7';"
        "const speed = document.querySelector('#speed'); speed.value = '1.5';"
        "speed.dispatchEvent(new Event('input'))"
    )
    assert browser.text("#speed-shown") == "1.5\u00d7"
    write(browser, "Quickly.")
    browser.click("#speak")
    browser.until("document.querySelector('#download').href")
    asked = browser.value("asked")[0]
    assert {name: asked[name] for name in ("input", "voice", "seed", "speed")} == {
        "input": "Quickly.",
        "voice": "man",
        "seed": 7,
        "speed": 1.5,
    }


def test_it_is_heard_again_from_anywhere_by_keys(browser: Browser) -> None:
    write(browser, "This sentence is long enough to go back in it, and forward, and back.")
    browser.press("Enter", control=True)
    browser.until("document.querySelector('#download').href")
    browser.value("ear.context.suspend()")  # time stands still
    browser.value("document.querySelector('#wave').focus()")
    for key, at in (("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1)):
        browser.press(key)
        assert float(browser.value("document.querySelector('#wave').ariaValueNow")) == at, key
    browser.value("ear.context.resume()")
    browser.until("ear.level() > 0.01")
    browser.press("Escape")
    browser.until("ear.level() === 0")


def test_a_tag_is_inserted_where_one_writes(browser: Browser) -> None:
    write(browser, "Well.")
    browser.value("document.querySelector('#text').setSelectionRange(0, 0)")
    browser.value(
        "const tags = document.querySelector('#tags'); tags.value = '[laugh]';"
        "tags.dispatchEvent(new Event('change'))"
    )
    assert browser.value("document.querySelector('#text').value") == "[laugh] Well."


def test_a_voice_is_recorded_and_forgotten(server: Serving, browser: Browser) -> None:
    browser.click("#record")
    browser.until("document.querySelector('#record').textContent.startsWith('Stop (2')")
    browser.click("#record")
    browser.until("document.querySelector('#voice').selectedOptions[0]?.text === 'recording 1'")
    assert len(server.service.shelf) == 1
    write(browser, "In my own voice.")
    browser.click("#speak")
    browser.until("ear.level() > 0.01")
    keep(browser, "own-voice")
    browser.click("#forget")
    eventually(lambda: len(server.service.shelf) == 0)
    browser.press("Escape")


def test_a_recording_is_dropped_on_the_page(server: Serving, browser: Browser) -> None:
    content = base64.b64encode(RECORDING.read_bytes()).decode()
    browser.value(
        f"const bytes = Uint8Array.from(atob('{content}'), (each) => each.charCodeAt(0));"
        "const data = new DataTransfer(); data.items.add(new File([bytes], 'somebody.wav'));"
        "const how = { dataTransfer: data, bubbles: true, cancelable: true };"
        "for (const kind of ['dragenter', 'drop']) document.dispatchEvent(new DragEvent(kind, how))"
    )
    browser.until("document.querySelector('#voice').selectedOptions[0]?.text === 'somebody'")
    assert browser.value("document.querySelector('#drop').hidden")
    browser.click("#forget")
    eventually(lambda: len(server.service.shelf) == 0)


def test_what_is_refused_is_shown(browser: Browser) -> None:
    write(browser, "  ")
    browser.click("#speak")
    browser.until("document.querySelector('#status.wrong')?.textContent.startsWith('Input is empty')")
    browser.complaints.clear()  # the browser logs each status of 400


def test_a_key_is_asked_for() -> None:
    with serving(api_keys=("secret",)) as server, browsing(server.url) as browser:
        browser.until("!document.querySelector('#key-form').hidden")
        browser.value("document.querySelector('#key').value = 'secret'")
        browser.click("#key-form button")
        browser.until("document.querySelector('#voice').options.length === 5")
        assert browser.value("document.querySelector('#key-form').hidden")
