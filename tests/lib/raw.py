"""Bytes to a port, as no HTTP client would send them, and what comes back."""
import re
import socket


class Raw:
    """The first answer that came back; status 0 if none did. ended says how: "whole", "closed", "reset" or "silent"."""

    def __init__(self, data, ended):
        self.data, self.ended = data, ended
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1]) if lines[0].startswith("HTTP/1.1 ") else 0
        self.headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}

    def __str__(self):
        return f"{self.ended}: {self.data[:400]!r}"


def _whole(data):
    head, end, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return bool(end) and length is not None and len(body) >= int(length.group(1))


def send_raw(port, data, seconds=5):
    """Sends bytes and reads one answer."""
    with socket.create_connection(("127.0.0.1", port), seconds) as s:
        got = b""
        try:
            s.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass        # it has answered already
        try:
            while not _whole(got):
                more = s.recv(65536)
                if not more:
                    return Raw(got, "closed")
                got += more
        except socket.timeout:
            return Raw(got, "silent")
        except ConnectionResetError:
            return Raw(got, "reset")
        return Raw(got, "whole")
