"""The wire between processes, spoken by hand: nng's framing over a Unix socket, without the key and with it."""
import ctypes
import ctypes.util
import hashlib
import itertools
import os
import socket
import struct
import threading

REQ, REP = 0x30, 0x31


class Peer:
    """A REQ peer of a service: handshake, one message out, one message in."""

    def __init__(self, path, timeout=20.0):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.socket.sendall(struct.pack(">4sHH", b"\0SP\0", REQ, 0))
        magic, protocol, _ = struct.unpack(">4sHH", self._exactly(8))
        assert (magic, protocol) == (b"\0SP\0", REP), "not a REP socket"

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                raise EOFError("the peer closed the connection")
            data += more
        return data

    def send(self, body, request_id=1):
        message = struct.pack(">I", 0x80000000 | request_id) + body
        self.socket.sendall(b"\x01" + struct.pack(">Q", len(message)) + message)

    def receive(self):
        """The next message without its request id; None if nothing comes or the peer hangs up."""
        try:
            kind, length = struct.unpack(">BQ", self._exactly(9))
            assert kind == 1
            return self._exactly(length)[4:]
        except (socket.timeout, EOFError, ConnectionError):
            return None

    def close(self):
        self.socket.close()


class Tap:
    """A socket that passes bytes on to a service, keeps what went by, and may change it on the way.

    change(frame) gets each message from the client (request id, then body) and answers what to send instead; or a list of
    what to send. reply(frame) likewise for messages of the service.
    """

    def __init__(self, path, target, change=lambda frame: frame, reply=lambda frame: frame):
        self.target, self.change, self.reply, self.seen = target, change, reply, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source, sink, from_client):
        try:
            stream = source.makefile("rb")
            sink.sendall(stream.read(8))
            while True:
                head = stream.read(9)
                if len(head) < 9:
                    break
                frame = stream.read(struct.unpack(">BQ", head)[1])
                if from_client:
                    self.seen.append(frame)
                out = self.change(frame) if from_client else self.reply(frame)
                for frame in out if isinstance(out, list) else [out]:
                    sink.sendall(b"\x01" + struct.pack(">Q", len(frame)) + frame)
        except OSError:
            pass
        finally:
            for s in (source, sink):
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        self.listener.close()


class Insider(Peer):
    """A peer that has the wire's secret, as the gateway does, and nothing else. Reads and writes what common/rpc/wire.h says."""

    sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))

    def __init__(self, path, secret):
        super().__init__(path)
        master = hashlib.blake2b(secret.encode(), digest_size=32).digest()
        self.keys = [hashlib.blake2b(purpose, key=master, digest_size=32).digest() for purpose in (b"wire request", b"wire reply")]
        self.numbers = itertools.count(1)
        self.send(self.sign(bytes(32), b""))
        self.greeting = self.receive()[4:36]

    def tag(self, key, bond, nonce, data):
        once = hashlib.blake2b(nonce + bond, key=key, digest_size=32).digest()
        out = ctypes.create_string_buffer(16)
        self.sodium.crypto_onetimeauth(out, data, ctypes.c_ulonglong(len(data)), once)
        return nonce + out.raw

    def sign(self, bond, body):
        return b"SFM1" + self.tag(self.keys[0], bond, os.urandom(16), body) + body

    def call(self, batch):
        """Sends a batch, a message of the contract, and answers the bytes of the replies."""
        batch.slot, batch.number = 1, next(self.numbers)
        message = self.sign(self.greeting, batch.SerializeToString())
        self.send(message)
        reply = self.receive()
        assert reply and reply[4:36] == self.tag(self.keys[1], message[4:36], reply[4:20], reply[36:]), "not signed"
        return reply[36:]
