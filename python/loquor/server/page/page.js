// The page: asks for speech as events, plays it while it comes, and shows it. No library, nothing from elsewhere.

const $ = (id) => document.getElementById(id);
const form = $("form"), text = $("text"), voice = $("voice"), model = $("model"), wave = $("wave");

// --- The server ---

let key = sessionStorage.getItem("key") ?? "";

async function ask(path, options = {}) {
  const headers = { ...options.headers, ...(key && { authorization: `Bearer ${key}` }) };
  const response = await fetch(path, { ...options, headers });
  if (response.ok) return response;
  $("key-form").hidden = response.status !== 401;
  const body = await response.json().catch(() => null);
  throw new Error(body?.error?.message ?? `the server answered ${response.status}`);
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part.slice("data: ".length));
  }
}

const say = (sentence, wrong = false) => {
  $("status").textContent = sentence;
  $("status").classList.toggle("wrong", wrong);
};
const failed = (error) => say(error.message.charAt(0).toUpperCase() + error.message.slice(1), true);

// --- Playing ---

const BARS = 100; // of a second
let context, take;

class Take {
  // What was made of one text: its samples, when which of them are heard, and its words.
  constructor(expected) {
    Object.assign(this, { expected, rate: 0, chunks: [], peaks: [], words: [], seconds: 0, runs: [], sources: [], next: 0, over: false });
  }

  add(samples) {
    this.chunks.push(samples);
    const bar = Math.round(this.rate / BARS);
    for (let start = 0; start < samples.length; start += bar) {
      let peak = 0;
      for (const sample of samples.subarray(start, start + bar)) peak = Math.max(peak, Math.abs(sample));
      this.peaks.push(peak);
    }
    const from = this.seconds;
    this.seconds += samples.length / this.rate;
    this.play(samples, from);
  }

  play(samples, from) {
    if (!samples.length) return;
    const buffer = context.createBuffer(1, samples.length, this.rate);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(context.destination);
    const at = Math.max(this.next, context.currentTime + 0.03);
    source.start(at);
    this.next = at + buffer.duration;
    this.sources.push(source);
    this.runs.push({ at, from, length: buffer.duration });
    redraw();
  }

  // Where in the speech the loudspeaker is.
  get heard() {
    const now = context.currentTime - (context.outputLatency || 0);
    const run = this.runs.findLast((each) => each.at <= now);
    return run ? run.from + Math.min(now - run.at, run.length) : this.runs[0]?.from ?? 0;
  }

  get playing() {
    return this.runs.length > 0 && context.currentTime < this.next;
  }

  silence() {
    for (const source of this.sources) source.stop();
    Object.assign(this, { sources: [], runs: [], next: 0 });
    redraw();
  }

  samples() {
    const all = new Float32Array(this.chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let position = 0;
    for (const chunk of this.chunks) {
      all.set(chunk, position);
      position += chunk.length;
    }
    return all;
  }

  replay(from) {
    this.silence();
    this.play(this.samples().subarray(Math.round(from * this.rate)), from);
  }
}

function pcm(base64) {
  const bytes = Uint8Array.fromBase64?.(base64) ?? Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length >> 1 }, (_, index) => view.getInt16(2 * index, true) / 32768);
}

function wav(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const texts = { 0: "RIFF", 8: "WAVEfmt ", 36: "data" };
  for (const [at, word] of Object.entries(texts)) [...word].forEach((each, index) => view.setUint8(+at + index, each.charCodeAt(0)));
  [[4, 36 + 2 * samples.length], [16, 16], [24, rate], [28, 2 * rate], [40, 2 * samples.length]].forEach(([at, value]) => view.setUint32(at, value, true));
  [[20, 1], [22, 1], [32, 2], [34, 16]].forEach(([at, value]) => view.setUint16(at, value, true));
  samples.forEach((sample, index) => view.setInt16(44 + 2 * index, Math.round(Math.max(-1, Math.min(1, sample)) * 32767), true));
  return new Blob([view], { type: "audio/wav" });
}

// --- Speaking ---

let request;

async function speak() {
  cancel();
  context ??= new AudioContext();
  const resumed = context.resume(); // asked for within the press of a key or button, as browsers want it
  const speed = +$("speed").value;
  const mine = (take = new Take(text.value.length / 15 / speed));
  const abort = (request = new AbortController());
  const started = performance.now();
  show({ first: "–", length: "–", made: "–", rtf: "–" });
  $("words").replaceChildren();
  busy(true);
  say("Thinking…");
  try {
    await resumed;
    const body = {
      model: model.value, input: text.value, voice: voice.value || null, speed, seed: +$("seed").value,
      response_format: "pcm", stream_format: "sse", timestamp_granularities: ["word"],
    };
    const headers = { "content-type": "application/json" };
    const response = await ask("v1/audio/speech", { method: "POST", body: JSON.stringify(body), headers, signal: abort.signal });
    mine.rate = +response.headers.get("loquor-sample-rate");
    const warnings = response.headers.get("loquor-warning");
    for await (const event of events(response)) {
      if (event.type === "speech.audio.delta") {
        mine.add(pcm(event.audio));
        if (mine.chunks.length === 1) {
          show({ first: `${Math.round(performance.now() - started)} ms` });
          say("Speaking…");
        }
        show({ length: `${mine.seconds.toFixed(1)} s` });
      } else if (event.type === "speech.words") {
        mine.words.push(...event.words.map(({ word, start, end }) => ({ start, end, element: shown(word) })));
      } else if (event.type === "speech.audio.done") {
        const rtf = event.total_seconds / event.audio_seconds;
        show({ made: `${event.total_seconds.toFixed(2)} s`, rtf: Number.isFinite(rtf) ? rtf.toFixed(2) : "–" });
        say([...(warnings ? [warnings] : []), ...event.warnings].join(" · ") || "Done.");
        mine.whole = true;
      } else if (event.type === "error") {
        throw new Error(event.error.message);
      }
    }
    if (!mine.whole) throw new Error("the connection broke off: speak again");
  } catch (error) {
    if (take !== mine) return; // another was begun
    if (error.name === "AbortError") say("Cancelled.");
    else failed(error);
  }
  mine.over = true;
  busy(false);
}

function cancel() {
  request?.abort();
  request = undefined;
  take?.silence();
  busy(false);
}

function shown(word) {
  const element = document.createElement("span");
  element.textContent = word;
  $("words").append(element, " ");
  return element;
}

function show(values) {
  for (const [id, value] of Object.entries(values)) $(id).textContent = value;
}

function busy(is) {
  $("cancel").disabled = !is;
  const some = !is && take?.chunks.length;
  $("again").disabled = !some;
  const download = $("download");
  if (download.href) URL.revokeObjectURL(download.href);
  if (some) download.href = URL.createObjectURL(wav(take.samples(), take.rate));
  else download.removeAttribute("href");
  download.ariaDisabled = String(!some);
}

// --- Showing ---

let frame = 0; // that is asked for

function redraw() {
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  frame = 0;
  if (take?.playing || (take && !take.over)) redraw(); // else nothing moves
  const scale = devicePixelRatio, width = Math.round(wave.clientWidth * scale), height = Math.round(wave.clientHeight * scale);
  if (wave.width !== width || wave.height !== height) Object.assign(wave, { width, height });
  const style = getComputedStyle(document.documentElement), pen = wave.getContext("2d");
  const [accent, pale, line] = ["--accent", "--wave", "--line"].map((name) => style.getPropertyValue(name));
  pen.clearRect(0, 0, width, height);
  const whole = take ? (take.over ? take.seconds : Math.max(take.expected, take.seconds)) || 1 : 1;
  const heard = take?.runs.length ? take.heard : 0;
  const step = 4 * scale, count = Math.floor(width / step);
  for (let bar = 0; bar < count; bar++) {
    const from = (bar / count) * whole, to = ((bar + 1) / count) * whole;
    const peaks = take?.peaks.slice(Math.floor(from * BARS), Math.max(Math.floor(from * BARS) + 1, Math.floor(to * BARS))) ?? [];
    const size = peaks.length ? Math.max(2 * scale, Math.min(1, Math.max(...peaks) * 1.6) * height) : 2 * scale;
    pen.fillStyle = !peaks.length ? line : from < heard ? accent : pale;
    pen.beginPath();
    pen.roundRect(bar * step, (height - size) / 2, step * 0.62, size, step);
    pen.fill();
  }
  for (const { start, end, element } of take?.words ?? []) {
    const runs = take.runs.length > 0;
    element.classList.toggle("said", runs && start <= heard);
    element.classList.toggle("now", runs && start <= heard && heard < end && take.playing);
  }
}

function seek(seconds) {
  if (!take?.over || !take.seconds) return;
  const from = Math.max(0, Math.min(seconds, take.seconds - 0.01));
  take.replay(from);
  Object.assign(wave, { ariaValueMax: take.seconds.toFixed(2), ariaValueNow: from.toFixed(2) });
}

wave.addEventListener("click", (event) => seek((event.offsetX / wave.clientWidth) * (take?.seconds ?? 0)));
wave.addEventListener("keydown", (event) => {
  const to = { ArrowLeft: () => take.heard - 1, ArrowRight: () => take.heard + 1, Home: () => 0, End: () => take.seconds - 1 }[event.key];
  if (!to || !take) return;
  event.preventDefault();
  seek(to());
});

// --- Models, tags and voices ---

async function load(chosen = voice.value) {
  const models = (await (await ask("v1/models")).json()).data;
  const voices = (await (await ask("v1/audio/voices")).json()).data;
  const before = model.value || models[0].id;
  model.replaceChildren(...models.map(({ id }) => new Option(id, id, id === before, id === before)));
  const { tags } = models.find(({ id }) => id === model.value);
  $("tags").replaceChildren(new Option("Insert a tag…", ""), ...tags.map((tag) => new Option(tag)));
  $("tags").hidden = !tags.length;
  const own = voices.filter((each) => each.model === model.value);
  voice.replaceChildren(...own.map(({ id, name, type }) => {
    const option = new Option(name, id, false, id === chosen);
    option.dataset.type = type;
    return option;
  }));
  voice.dispatchEvent(new Event("change"));
  $("key-form").hidden = true;
}

function insert(tag) {
  text.setRangeText(`${/(^|\s)$/.test(text.value.slice(0, text.selectionStart)) ? "" : " "}${tag} `, text.selectionStart, text.selectionEnd, "end");
  text.focus();
}

async function upload(file, name) {
  say("Listening to the recording…");
  const body = new FormData();
  body.append("name", [...name].filter((each) => each >= " ").join("").slice(0, 100).trim() || "voice");
  body.append("model", model.value);
  body.append("audio_sample", file, "recording");
  try {
    const made = await (await ask("v1/audio/voices", { method: "POST", body })).json();
    await load(made.id);
    say(made.warnings.join(" · ") || `The voice ${made.name} is ready.`);
  } catch (error) {
    failed(error);
  }
}

let recorder, recordings = 0;

async function record() {
  if (recorder) return recorder.stop();
  const parts = [], button = $("record");
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    recorder = new MediaRecorder(stream);
    const started = performance.now();
    const timer = setInterval(() => {
      const seconds = (performance.now() - started) / 1000;
      button.textContent = `Stop (${seconds.toFixed(0)} s)`;
      if (seconds >= 15) recorder?.stop();
    }, 200);
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.onstop = () => {
      clearInterval(timer);
      for (const track of stream.getTracks()) track.stop();
      button.textContent = "Record";
      button.classList.remove("on");
      const blob = new Blob(parts, { type: recorder.mimeType });
      recorder = undefined;
      upload(blob, `recording ${++recordings}`);
    };
    recorder.start();
    button.classList.add("on");
    say("Read a few sentences aloud, then press Stop.");
  } catch (error) {
    recorder = undefined;
    say(`The microphone cannot be used (${error.message}): open a recording instead.`, true);
  }
}

// --- Hands ---

form.addEventListener("submit", (event) => {
  event.preventDefault();
  speak();
});
$("tags").onchange = ({ target }) => {
  insert(target.value);
  target.value = "";
};
$("cancel").onclick = cancel;
$("again").onclick = () => take?.replay(0);
$("record").onclick = record;
$("choose").onclick = () => $("file").click();
$("file").onchange = ({ target }) => {
  if (target.files[0]) upload(target.files[0], target.files[0].name.replace(/\.[^.]*$/, ""));
  target.value = "";
};
$("forget").onclick = async () => {
  await ask(`v1/audio/voices/${voice.value}`, { method: "DELETE" }).catch(failed);
  load("").catch(failed);
};
$("speed").oninput = ({ target }) => ($("speed-shown").textContent = `${+target.value}×`);
model.onchange = () => load("").catch(failed);
voice.onchange = () => ($("forget").hidden = voice.selectedOptions[0]?.dataset.type !== "audio_sample");
$("key-form").onsubmit = (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", (key = $("key").value));
  load().then(() => say("Ready."), failed);
};
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") cancel();
  else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
let depth = 0; // of elements that a drag is over
const dragged = (change) => (event) => {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  depth = Math.max(0, depth + change);
  $("drop").hidden = !depth;
};
document.addEventListener("dragenter", dragged(1));
document.addEventListener("dragover", dragged(0));
document.addEventListener("dragleave", dragged(-1));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  depth = 0;
  $("drop").hidden = true;
  const file = event.dataTransfer.files[0];
  if (file) upload(file, file.name.replace(/\.[^.]*$/, ""));
});

load().then(() => say("Ready."), failed);
new ResizeObserver(redraw).observe(wave);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
