"""A model hub on 127.0.0.1 for tests: the few endpoints a download uses, a request log, and faults on demand.

It answers as the real hub does: a small text file comes straight from `/<repo>/resolve/<revision>/<path>`, a
weights file is a redirect to another address (`/cdn/...`) with its size and sha256 in `X-Linked-*` headers.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import unquote, urlsplit

FAULTS = ("corrupt", "short", "cut", "stall", "error", "no ranges", "unsatisfiable")


@dataclass
class Repo:
    """One repository: every revision in `revisions` (commit ids, branches) shows the same files."""

    files: dict[str, bytes]
    commit: str
    branches: tuple[str, ...] = ("main",)
    denied: str | None = None  # the hub's error code for everyone who asks, "RepoNotFound" or "GatedRepo"
    listing: bytes | None = None  # sent instead of the list of files
    xet: dict[str, str] = field(default_factory=dict)  # hash in Xet by path


@dataclass(frozen=True)
class Request:
    method: str
    path: str  # of a file: its path in the repository, else the path of the URL
    range: str | None
    status: int
    token: str | None = None  # the Authorization header


@dataclass
class _Fault:
    kind: str
    method: str
    left: int


@dataclass
class HubServer:
    """Serve `repos` (by id) while the context is open; `url` is for `HF_ENDPOINT`.

    A fault hits the next requests for one file: "corrupt" flips a byte, "short" sends a shorter file with a
    fitting length, "cut" drops the connection half-way, "stall" sends half and waits for `released`, "error"
    answers 500, "no ranges" sends everything to whom asks for a part, "unsatisfiable" answers 416.
    """

    repos: dict[str, Repo]
    log: list[Request] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    _faults: dict[str, list[_Fault]] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> HubServer:
        hub = self

        class Handler(_Handler):
            server_state = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def fault(self, path: str, kind: str, *, times: int = 1, method: str = "GET") -> None:
        if kind not in FAULTS:
            raise ValueError(f"no fault {kind!r}")
        self._faults.setdefault(path, []).append(_Fault(kind, method, times))

    def requests(self, method: str, path: str | None = None) -> list[Request]:
        """Those of a method, for any path or one; a GET that was sent on to another address is left out."""
        return [
            one
            for one in self.log
            if one.method == method and path in (None, one.path) and (method, one.status) != ("GET", 302)
        ]

    def wait_for(self, method: str, path: str, count: int = 1) -> None:
        """Return when `count` such requests have come."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests(method, path)) >= count, timeout=20):
                raise TimeoutError(f"{count} x {method} {path} did not come: {self.log}")

    def note(self, request: Request) -> None:
        with self._changed:
            self.log.append(request)
            self._changed.notify_all()

    def take_fault(self, path: str, method: str) -> str | None:
        with self._changed:
            for fault in self._faults.get(path, []):
                if fault.method == method and fault.left > 0:
                    fault.left -= 1
                    return fault.kind
        return None


class _Handler(BaseHTTPRequestHandler):
    server_state: HubServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # header and body are two writes, which else wait 40 ms for each other

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        try:
            self._route(unquote(urlsplit(self.path).path))
        except ConnectionError:  # the client was killed, which is what some tests do
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815

    def _route(self, path: str) -> None:
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"] and parts[4:5] == ["revision"]:
            self._info("/".join(parts[2:4]), "/".join(parts[5:]), path)
        elif parts[2:3] == ["resolve"]:
            self._resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        elif parts[0] == "cdn":
            self._content("/".join(parts[1:3]), "/".join(parts[3:]), {})
        else:
            self._answer(404, path)

    def _repo(self, repo_id: str, revision: str, shown: str) -> Repo | None:
        """The repository, or None once the refusal has been sent."""
        repo = self.server_state.repos.get(repo_id)
        if repo is None or repo.denied:
            code = "RepoNotFound" if repo is None else str(repo.denied)
            self._answer(403 if code == "GatedRepo" else 401, shown, {"X-Error-Code": code})
            return None
        if revision not in (repo.commit, *repo.branches):
            self._answer(404, shown, {"X-Error-Code": "RevisionNotFound"})
            return None
        return repo

    def _info(self, repo_id: str, revision: str, shown: str) -> None:
        repo = self._repo(repo_id, revision, shown)
        if repo is None:
            return
        if self.server_state.take_fault(shown, self.command) == "error":
            self._answer(500, shown)
            return
        siblings = []
        for path, content in repo.files.items():
            entry: dict[str, object] = {"rfilename": path, "size": len(content), "blobId": _git_id(content)}
            if _is_lfs(path):
                sha256 = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"size": len(content), "sha256": sha256, "pointerSize": 130}
            siblings.append(entry)
        body = json.dumps({"id": repo_id, "sha": repo.commit, "siblings": siblings}).encode()
        body = body if repo.listing is None else repo.listing
        self._answer(200, shown, {"Content-Type": "application/json"}, body)

    def _resolve(self, repo_id: str, revision: str, path: str) -> None:
        repo = self._repo(repo_id, revision, path)
        if repo is None:
            return
        commit = {"X-Repo-Commit": repo.commit}
        if path not in repo.files:
            self._answer(404, path, {**commit, "X-Error-Code": "EntryNotFound"})
        elif not _is_lfs(path):
            self._content(repo_id, path, {**commit, "ETag": f'"{_git_id(repo.files[path])}"'})
        elif self.server_state.take_fault(path, self.command if self.command == "HEAD" else "") == "error":
            self._answer(500, path)
        else:
            content = repo.files[path]
            linked = {
                "X-Linked-Size": str(len(content)),
                "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
                # The same server under another name: to a client that is another host, as a CDN is.
                "Location": f"http://localhost:{self.server.server_address[1]}/cdn/{repo_id}/{path}",
            }
            if path in repo.xet:
                linked |= {"X-Xet-Hash": repo.xet[path], "X-Xet-Refresh-Route": "/never/asked/for"}
            self._answer(302, path, {**commit, **linked})

    def _content(self, repo_id: str, path: str, headers: dict[str, str]) -> None:
        body = self.server_state.repos[repo_id].files[path]
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        fault = self.server_state.take_fault(path, self.command)
        if fault == "error":
            self._answer(500, path)
            return
        if fault == "unsatisfiable":
            self._answer(416, path)
            return
        if fault == "no ranges":
            asked, start = None, 0
        if fault == "corrupt":
            body = body[:-1] + bytes([body[-1] ^ 1])
        if fault == "short":
            body = body[: len(body) // 2]
        status = 206 if asked else 200
        if asked:
            headers = {**headers, "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
        stop = len(body) // 2 if fault in ("cut", "stall") else None
        self._answer(status, path, headers, body[start:], stop, wait=fault == "stall")

    def _answer(
        self,
        status: int,
        shown: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        stop: int | None = None,
        *,
        wait: bool = False,
    ) -> None:
        """Send everything, or only `stop` bytes of the body and, after an optional wait, the rest."""
        # Before anything is sent: a client that has its answer finds it in the log.
        asked = self.headers
        self.server_state.note(Request(self.command, shown, asked["Range"], status, asked["Authorization"]))
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            body = b""
        self.wfile.write(body[:stop])
        if stop is not None and self.command != "HEAD":
            if wait and self.server_state.released.wait(timeout=20):
                self.wfile.write(body[stop:])
            else:
                self.close_connection = True


def _is_lfs(path: str) -> bool:
    return ".onnx" in path


def _git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
