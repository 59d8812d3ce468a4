"""A way to the database that can be cut without anybody being told."""
import socket
import threading


def _hang_up(s):
    try:
        s.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


class Proxy:
    """Listens on a port of its own and passes on what comes to a unix socket, and back.

    cut(): nothing is passed on any more, in either direction, and nothing is closed; connections are still taken, and lead
    nowhere. forget(): the same for those that are there now alone. refuse(): whoever is connected is hung up on, and whoever comes, at once. mend(): all goes on.
    """

    def __init__(self, target):
        self.target, self.whole, self.open = target, threading.Event(), True
        self.refusing, self.connected, self.forgotten = False, set(), set()
        self.whole.set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        self.whole.clear()

    def refuse(self):
        self.refusing = True
        for s in list(self.connected):
            _hang_up(s)

    def forget(self):
        self.forgotten |= self.connected

    def mend(self):
        self.refusing = False
        self.whole.set()

    def close(self):
        self.open = False
        self.mend()
        self.listener.close()

    def _accept(self):
        while self.open:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near):
        self.whole.wait()
        if self.refusing:
            near.close()
            return
        self.connected.add(near)
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(self.target)
        except OSError:
            near.close()
            return
        threading.Thread(target=self._pass, args=(far, near), daemon=True).start()
        self._pass(near, far)

    def _pass(self, source, to):
        try:
            while True:
                data = source.recv(1 << 16)
                self.whole.wait()
                if not data:
                    break
                if {source, to} & self.forgotten:
                    continue
                to.sendall(data)
        except OSError:
            pass
        _hang_up(source)
        _hang_up(to)
        self.connected -= {source, to}
