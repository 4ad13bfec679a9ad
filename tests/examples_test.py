#!/usr/bin/env python3
"""Runs the programs of examples/ as people run them, against clients that know nothing of them.

usage: examples_test.py DIRECTORY

DIRECTORY is where the programs were built. Prints TAP. Each test runs on both of the kernel's
back-ends; what it waits for it waits for by reading, with a limit that only a failure reaches.
"""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile

PROGRAMS = pathlib.Path(sys.argv[1])
LIMIT = 20  # seconds


class Program:
    """One that runs meanwhile; its output is read line by line."""

    def __init__(self, backend, name, *args, stderr=subprocess.STDOUT):
        self.process = subprocess.Popen(
            [PROGRAMS / name, *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=stderr, text=True, env={**os.environ, "ASYNCIO_BACKEND": backend})

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    def until(self, *texts):
        """The lines up to where each of these has been in one, in any order."""
        lines, missing = [], set(texts)
        while missing:
            line = self.process.stdout.readline()
            assert line, f"no {missing} in {lines}"
            lines.append(line.rstrip("\n"))
            missing = {text for text in missing if text not in line}
        return lines

    def port(self):
        return int(self.until("listening on")[-1].rsplit(":", 1)[1])

    def stop(self, how=signal.SIGINT):
        self.process.send_signal(how)
        rest = self.process.communicate(timeout=LIMIT)[0]
        return self.process.returncode, rest


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


def tail(backend):
    with tempfile.TemporaryDirectory() as place:
        a, b, c = (pathlib.Path(place) / name for name in "abc")
        a.write_text("".join(f"{i}\n" for i in range(1, 31)))
        b.write_text("one\n")
        with Program(backend, "tail", "-n", 2, a, b, c) as follow:
            assert "28" not in follow.until("No such file", "one", "29", "30")
            with b.open("a") as f:
                f.write("two\n")
            follow.until("two")
            with a.open("a") as f:
                f.write("31\n")
            assert follow.until("31")[-2] == f"==> {a} <=="
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


TESTS = [port_scanner, tail]
BACKENDS = ["io_uring", "epoll"]


def main():
    print(f"1..{len(TESTS) * len(BACKENDS)}")
    failed = 0
    for n, (test, backend) in enumerate((t, b) for t in TESTS for b in BACKENDS):
        try:
            test(backend)
            print(f"ok {n + 1} - {test.__name__} on {backend}", flush=True)
        except (AssertionError, OSError, subprocess.SubprocessError, ValueError) as e:
            failed += 1
            print(f"# {type(e).__name__}: {e}")
            print(f"not ok {n + 1} - {test.__name__} on {backend}", flush=True)
    return failed > 0


if __name__ == "__main__":
    signal.alarm(300)
    sys.exit(main())
