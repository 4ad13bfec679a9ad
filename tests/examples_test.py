#!/usr/bin/env python3
"""Runs the programs of examples/ as people run them, against clients that know nothing of them.

usage: examples_test.py DIRECTORY

DIRECTORY is where the programs were built.
"""
import os
import pathlib
import signal
import socket
import sys
import tempfile

from programs import LIMIT, Program, run_tests


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        self.file = self.socket.makefile("rb")

    def say(self, text):
        self.socket.sendall(text.encode() + b"\r\n")

    def line(self):
        return self.file.readline().decode().rstrip("\r\n")

    def expect(self, *lines):
        for line in lines:
            heard = self.line()
            assert heard == line, f"{heard!r} instead of {line!r}"

    def close(self):
        self.file.close()
        self.socket.close()


def echo_server(backend):
    with Program(backend, "echo_server", 0) as server:
        port = server.port()
        clients = [Client(port) for _ in range(50)]
        for i, c in enumerate(clients):
            c.say(f"hello {i}")
        for i, c in enumerate(clients):
            c.expect(f"hello {i}")
        for _ in range(100):  # the end comes with the beginning
            hasty = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
            hasty.shutdown(socket.SHUT_WR)
            assert hasty.recv(1) == b""
            hasty.close()
        big = os.urandom(1 << 20)
        c = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        got = bytearray()
        for at in range(0, len(big), 1 << 16):
            c.sendall(big[at:at + (1 << 16)])
            while len(got) < at + (1 << 16):
                got += c.recv(1 << 16)
        assert got == big
        reset = socket.create_connection(("127.0.0.1", port))
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        reset.close()
        c.shutdown(socket.SHUT_WR)
        assert c.recv(1) == b""
        c.close()
        clients[0].say("still there")
        clients[0].expect("still there")
        for c in clients:
            c.close()
        assert server.stop()[0] == 0


def chat(backend):
    with Program(backend, "chat", 0) as server:
        port = server.port()
        a = Client(port)
        a.expect("* welcome, guest1: see /help")
        b = Client(port)
        b.expect("* welcome, guest2: see /help")
        a.expect("* guest2 enters lobby")
        a.say("/nick alice")
        a.expect("* you are alice")
        b.expect("* guest1 is now alice")
        b.say("/nick alice")
        b.expect("! alice is here already")
        a.say("hello")
        b.expect("<alice> hello")
        b.say("/join #quiet")
        b.expect("* you are in #quiet")
        a.expect("* guest2 leaves lobby")
        a.say("anybody?")
        b.say("/who")
        b.expect("* guest2")
        b.say("/what")
        b.expect("! no such command: see /help")
        b.say("x" * 5000)  # longer than a line may be
        assert b.line() == ""
        b.close()
        a.say("/quit")
        a.expect("* bye", "")
        a.close()
        server.stop()


def chat_puts_out_who_does_not_read(backend):
    with Program(backend, "chat", 0) as server:
        port = server.port()
        slow, loud = Client(port), Client(port)
        slow.expect("* welcome, guest1: see /help")
        loud.expect("* welcome, guest2: see /help")
        line = "x" * 4000
        heard = ""
        for _ in range(20000):  # 80 MB, if they were kept
            loud.say(line)
            loud.socket.setblocking(False)
            try:
                heard += loud.socket.recv(4096).decode()
            except BlockingIOError:
                pass
            loud.socket.settimeout(LIMIT)
            if "guest1 leaves" in heard:
                break
        assert "guest1 leaves" in heard
        slow.close()
        loud.close()
        server.stop()


def port_scanner(backend):
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    low, high = max(port - 200, 1), min(port + 200, 65535)
    with Program(backend, "port_scanner", "-c", 50, "127.0.0.1", low, high) as scan:
        out = scan.process.communicate(timeout=LIMIT)[0].splitlines()
        assert f"{port} open" in out, out
        counts = [int(word) for word in out[-1].split() if word.isdigit()]
        assert len(counts) == 3 and sum(counts) == high - low + 1, out
    taken.close()
    with socket.socket() as idle:  # nobody listens, and nobody else can
        idle.bind(("127.0.0.1", 0))
        with Program(backend, "port_scanner", "127.0.0.1", idle.getsockname()[1]) as scan:
            assert scan.until("closed") == ["0 open, 1 closed, 0 silent"]
    with Program(backend, "port_scanner", "nonsense") as scan:
        scan.until("usage")


def supervisor(backend):
    for_ever = "while :; do sleep 0.05; done"
    with Program(backend, "supervisor", "one=echo 1; echo 2 >&2; exit 3", f"two={for_ever}") as s:
        out = s.process.communicate(timeout=LIMIT)[0].splitlines()
        assert out == ["one | 1", "one | 2", "one * ended with 3", "two * ended with -15"], out
        assert s.process.returncode == 3
    stubborn = f'trap "" TERM; echo ready; {for_ever}'
    with Program(backend, "supervisor", "-g", 0.2, f"deaf={stubborn}") as s:
        s.until("ready")
        status, rest = s.stop(signal.SIGTERM)
        assert rest.splitlines() == ["deaf * does not end: killed", "deaf * ended with -9"], rest
        assert status == 0
    with Program(backend, "supervisor", "nonsense") as s:
        s.until("usage")


def tail(backend):
    with tempfile.TemporaryDirectory() as place:
        a, b, c = (pathlib.Path(place) / name for name in "abc")
        # No words that a random name of a directory might have in it.
        a.write_text("".join(f"line {i}\n" for i in range(1, 31)))
        b.write_text("the one\n")
        with Program(backend, "tail", "-n", 2, a, b, c) as follow:
            lines = follow.until("No such file", "the one", "line 29", "line 30")
            assert "line 28" not in lines, lines
            with b.open("a") as f:
                f.write("the two\n")
            follow.until("the two")
            with a.open("a") as f:
                f.write("line 31\n")
            lines = follow.until("line 31")
            assert lines[-2] == f"==> {a} <==", lines
            c.write_text("came\n")
            follow.until("came")
            a.rename(pathlib.Path(place) / "old")
            a.write_text("fresh\n")
            follow.until("fresh")
            b.write_text("")
            follow.until("file truncated")
            with b.open("a") as f:
                f.write("again\n")
            follow.until("again")
            follow.stop()


if __name__ == "__main__":
    sys.exit(run_tests(echo_server, chat, chat_puts_out_who_does_not_read, port_scanner, supervisor, tail))
