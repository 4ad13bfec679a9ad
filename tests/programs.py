"""For tests of programs: one that runs meanwhile, and a run of tests on both of the kernel's
back-ends that prints TAP. What a test waits for it waits for by reading, with a limit that only a
failure reaches."""
import ctypes
import functools
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

PROGRAMS = pathlib.Path(sys.argv[1])
LIMIT = 20  # seconds


class Skipped(Exception):
    pass


def need(*tools):
    """The path of the first of these that is there."""
    for tool in tools:
        if found := shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin"):
            return found
    raise Skipped(f"no {tools[0]} here")


def run(*command, input=None, fails=False, limit=LIMIT, **options):
    """What a command prints, standard error included."""
    done = subprocess.run([*map(str, command)], input=input, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=limit, **options)
    text = done.stdout.decode(errors="replace")
    assert (done.returncode != 0) == fails, f"{command[0]} ended with {done.returncode}: {text}"
    return text


def need_tls():
    text = run(PROGRAMS / "proxy", "--tls", os.devnull, os.devnull, "0", "127.0.0.1:1", fails=True)
    if "without OpenSSL" in text:
        raise Skipped("built without OpenSSL")


def make_certificate(place):
    """For this machine, by itself: the paths of the certificate and of its key."""
    cert, key = place / "cert.pem", place / "key.pem"
    run(need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    return cert, key


def wrk(url, *options):
    """A second of load, without a failure: what it prints."""
    text = run(need("wrk"), "-d", "1", "-t", "1", *options, url)
    assert "Socket errors" not in text and "Non-2xx" not in text, text
    assert int(re.search(r"(\d+) requests in", text)[1]) > 0, text
    return text


def keep(name, content):
    """For who wants to see it: in the directory that is the second argument."""
    if len(sys.argv) > 2:
        place = pathlib.Path(sys.argv[2])
        place.mkdir(exist_ok=True)
        (place / name).write_bytes(content if isinstance(content, bytes) else content.encode())


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
        return int(self.until("listening on")[-1].rsplit(":", 1)[1].strip("/"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self, how=signal.SIGINT):
        self.process.send_signal(how)
        rest = self.process.communicate(timeout=LIMIT)[0]
        return self.process.returncode, rest


def backends():
    """Those that were built, and that the kernel grants."""
    names = os.environ.get("BACKENDS", "io_uring epoll").split()
    ring = ctypes.CDLL(None).syscall(425, 1, ctypes.create_string_buffer(120))
    if ring < 0:
        return [name for name in names if name != "io_uring"]
    os.close(ring)
    return names


def perform(*runs):
    """Titles and functions, as TAP."""
    signal.alarm(280)
    print(f"1..{len(runs)}")
    failed = 0
    for n, (name, test) in enumerate(runs, 1):
        title = f"{n} - {name}"
        begun = time.monotonic()
        try:
            test()
            print(f"ok {title}, {time.monotonic() - begun:.1f} s", flush=True)
        except Skipped as why:
            print(f"ok {title} # SKIP {why}", flush=True)
        except (AssertionError, OSError, subprocess.SubprocessError, ValueError) as e:
            failed += 1
            print(f"# {type(e).__name__}: {str(e)[-1500:]}".replace("\n", "\n# "))
            print(f"not ok {title}", flush=True)
    return failed > 0


def run_tests(*tests):
    """Each on both of the kernel's back-ends."""
    return perform(*[(f"{test.__name__} on {backend}", functools.partial(test, backend))
                     for test in tests for backend in backends()])


def run_tests_once(*tests):
    return perform(*[(test.__name__, test) for test in tests])
