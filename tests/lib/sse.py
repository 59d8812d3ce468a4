"""A reader of server-sent events, by the rules of the WHATWG: what a browser's EventSource would see."""
import json
import socket
import threading
import time
from urllib.parse import urlencode

from lib.stack import wait_until


class Message:
    def __init__(self, kind, data, id, at):
        self.kind, self.data, self.id, self.at = kind, data, id, at

    def json(self):
        return json.loads(self.data)


class EventStream:
    """One connection, read on a thread of its own.

        with EventStream(org.api, resource="accounts") as stream:
            api.post("/v1/accounts", json=…)
            event, = stream.events(1)
    """

    def __init__(self, api, path="/v1/events:stream", last=None, token=True, read=True, **params):
        self.base, self.path, self.params = api.base, path, params
        self.headers = {"Host": "test", "Accept": "text/event-stream"}
        if token:
            self.headers["Authorization"] = f"Bearer {api.token}"
        if last is not None:
            self.headers["Last-Event-ID"] = last
        self.messages, self.last_id, self.comments, self.ended, self.whole = [], last, 0, False, False
        self.status, self.head, self.body = None, {}, b""
        self.changed = threading.Condition()
        self._open()
        if read:
            self.thread = threading.Thread(target=self._read, daemon=True)
            self.thread.start()

    def _open(self):
        host, port = self.base.split("//")[1].split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=40)
        query = f"?{urlencode(self.params)}" if self.params else ""
        lines = [f"GET {self.path}{query} HTTP/1.1"] + [f"{k}: {v}" for k, v in self.headers.items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        for line in iter(self.file.readline, b"\r\n"):
            name, value = line.decode().split(":", 1)
            self.head[name.lower()] = value.strip()
        if self.status != 200:
            self.body = self.file.read(int(self.head.get("content-length", 0)))

    def _chunks(self):
        while True:
            line = self.file.readline()
            if not line:
                return
            n = int(line, 16)
            data = self.file.read(n)
            self.file.readline()
            if n == 0:
                self.whole = True
                return
            yield data

    def _read(self):
        pending, kind, data, id = b"", "", [], self.last_id
        try:
            for chunk in self._chunks():
                *lines, pending = (pending + chunk).split(b"\n")
                for line in (raw.decode() for raw in lines):
                    name, _, value = line.partition(":")
                    value = value[1:] if value.startswith(" ") else value
                    if line.startswith(":"):
                        self.comments += 1
                    elif name == "data":
                        data.append(value)
                    elif name == "event":
                        kind = value
                    elif name == "id":
                        id = value
                    elif line == "":
                        with self.changed:
                            self.last_id = id
                            if data:
                                self.messages.append(Message(kind or "message", "\n".join(data), id, time.monotonic()))
                            self.changed.notify_all()
                        kind, data = "", []
        except (OSError, ValueError):
            pass
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def of(self, kind):
        return [m for m in list(self.messages) if m.kind == kind]

    def events(self, count, seconds=10):
        """The first so many events, when they are there."""
        wait_until(f"{count} events", lambda: len(self.of("message")) >= count or self.ended, seconds, 0.005)
        return [m.json() for m in self.of("message")]

    def begun(self):
        """It has an id to come again with: nothing is missed from now on."""
        wait_until("the stream begins", lambda: self.last_id or self.ended, 10, 0.005)
        return self

    def wait_end(self, seconds=20):
        wait_until("the stream ends", lambda: self.ended, seconds)
        return self

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
