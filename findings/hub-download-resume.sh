#!/usr/bin/env bash
# huggingface_hub 2.4.0 (seen with Python 3.11): a download that was killed does not go on.
#
# Guess: hf_hub_download picks up `blobs/<etag>.incomplete`, as it did for years ("downloads always resume when
# possible"). Seen: since 1.18 the temporary file has a random name, so the next call asks for the whole file
# again, without a Range header, and what the killed process had stays in the cache for ever.
# Ends with 0 while this is so. Output seen:
#   killed with 8388608 bytes on disk
#   ranges asked for: [None, None]
#   left behind: 1 file of 8388608 bytes
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q huggingface_hub==2.4.0
cat > "$work/try.py" <<'PY'
import os, signal, subprocess, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HALF = 8 << 20
CONTENT, ETAG, COMMIT = bytes(2 * HALF), "e" * 64, "c" * 40
ranges, first = [], True


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        global first
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        for name, value in {"X-Repo-Commit": COMMIT, "ETag": f'"{ETAG}"', "Accept-Ranges": "bytes"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        ranges.append(asked)
        try:
            if first:  # half of it, then silence
                first = False
                self.wfile.write(CONTENT[:HALF])
                time.sleep(60)
            else:
                self.wfile.write(CONTENT[start:])
        except OSError:
            pass

    do_HEAD = do_GET


home = Path(sys.argv[1])
server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
# Chunks of 1 MiB instead of 10 keep the file small here.
code = """
import sys
from huggingface_hub import constants, hf_hub_download
constants.DOWNLOAD_CHUNK_SIZE = 1 << 20
hf_hub_download("someone/model", "weights.bin", endpoint=sys.argv[1], cache_dir=sys.argv[2])
"""
command = [sys.executable, "-c", code, f"http://127.0.0.1:{server.server_port}", str(home)]
quiet = {"env": {**os.environ, "HF_HUB_DISABLE_TELEMETRY": "1"}, "stderr": subprocess.DEVNULL}
child = subprocess.Popen(command, **quiet)
deadline = time.monotonic() + 60
while sum(path.stat().st_size for path in home.rglob("*.incomplete")) < HALF:
    if time.monotonic() > deadline:
        sys.exit("the half never came")
    time.sleep(0.05)
child.send_signal(signal.SIGKILL)
child.wait()
print("killed with", sum(path.stat().st_size for path in home.rglob("*.incomplete")), "bytes on disk")
subprocess.run(command, check=True, **quiet)
left = [path.stat().st_size for path in home.rglob("*.incomplete")]
print("ranges asked for:", ranges)
print("left behind:", len(left), "file of", *left, "bytes")
sys.exit(ranges != [None, None] or left != [HALF])
PY
mkdir "$work/cache"
"$work/venv/bin/python" "$work/try.py" "$work/cache"
