"""The echo servers, ours and the peers': processor time a request beside a minimal epoll loop's.

bench/load.c starts them all at once and asks them in turn. See there for how it measures.
"""
import subprocess

from programs import BENCH, C, CXX, OUT, Program, uring
from programs import peers as all_peers
from table import say

LOADS = [(n, size) for size in (64, 4096) for n in (1, 50, 500)]  # connections, bytes
IDLE = 100_000
TIMEOUT = 300  # seconds, of a figure

# The most that ours may take, of what the epoll loop takes, by connections; the streams, of what the
# raw calls take.
TARGETS = {"ours, epoll": {1: 1.05, 50: 1.00, 500: 1.00},
           "ours, io_uring": {1: 1.05, 50: 0.96, 500: 0.96}}
STREAMS_OVER_RAW = 1.10

# Those whose idle connections are counted too.
HOLDERS = {"Go", "Tokio, current_thread", "libuv, uv_try_write", "uvloop, protocol"}

LOAD = Program("load", [], [*C, str(BENCH / "load.c"), "-o", str(OUT / "load")], [str(OUT / "load")])


def in_c(name, packages, source, *args, link=()):
    out = str(OUT / source)
    return Program(name, packages, [*C, str(BENCH / f"peers/{source}.c"), "-o", out, *link], [out],
                   list(args))


UNIT = in_c("epoll loop", [], "epoll_echo")


def ours(library):
    build = [*C, str(BENCH / "echo.c"), "-o", str(OUT / "echo"), str(library), *uring(), "-lm",
             "-pthread"]
    run, programs = [str(OUT / "echo")], []
    for backend in ("epoll", "io_uring"):
        env = {"ASYNCIO_BACKEND": backend}
        programs.append(Program(f"ours, {backend}", [], build, run, ["raw"], env))
        programs.append(Program(f"ours, {backend}, streams", [], [], run, ["streams", "SIZE"], env))
    return programs


def peers():
    go, tokio = [str(OUT / "go_echo")], [str(OUT / "tokio/target/release/echo")]
    cargo = next(p for p in all_peers() if p.name == "Tokio, current_thread")
    go_env = {"GO111MODULE": "off", "GOCACHE": str(OUT / "go-cache"), "GOFLAGS": ""}
    go_build = ["/usr/bin/go", "build", "-o", *go, str(BENCH / "peers/echo.go")]
    asio = str(OUT / "asio_echo")
    python = ["/usr/bin/python3", str(BENCH / "peers/echo.py")]
    return [
        in_c("io_uring loop", ["liburing-dev"], "uring_echo", link=["-luring"]),
        in_c("io_uring loop, send()", ["liburing-dev"], "uring_echo", "send", link=["-luring"]),
        in_c("libuv, uv_try_write", ["libuv1-dev"], "libuv_echo", "try", link=["-luv"]),
        in_c("libuv, uv_write", ["libuv1-dev"], "libuv_echo", "write", link=["-luv"]),
        Program("Asio", ["g++", "libasio-dev"],
                [*CXX, str(BENCH / "peers/asio_echo.cpp"), "-o", asio, "-pthread"], [asio]),
        cargo._replace(run=tokio, args=[]),  # built with its other program
        in_c("State Threads", ["libst-dev"], "st_echo", link=["-lst"]),
        Program("Go", ["golang-go"], go_build, go, [], go_env),
        Program("Go, 1 thread", ["golang-go"], [], go, [], {"GOMAXPROCS": "1"}),
        Program("uvloop, protocol", ["python3-uvloop"], [], python, ["protocol", "uvloop"]),
        Program("CPython, protocol", ["python3"], [], python, ["protocol"]),
        Program("CPython, streams", ["python3"], [], python, ["streams"]),
    ]


def command(server, size):
    env = [f"{name}={value}" for name, value in server.env.items()]
    args = [str(size) if a == "SIZE" else a for a in server.args]
    return ["--", server.name, *(["env", *env] if env else []), *server.run, *args]


def load(table, what, args, commands):
    say(f"bench: {what}, {' '.join(args)}")
    try:
        r = subprocess.run([*LOAD.run, what, *args, *[a for c in commands for a in c]],
                           capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        table.missing[f"{what} {' '.join(args)}"] = f"not done after {TIMEOUT} s"
        return
    table.take(r.stdout, what)
    for line in r.stderr.splitlines():
        name, _, why = line.partition(": ")
        table.missing[f"{name}, {what} {' '.join(args)}"] = why


def measure(table, servers, only=None):
    if not all(table.build(p) for p in (LOAD, UNIT)):
        return
    built = [s for s in servers if table.build(s)]
    if only != "idle":
        for connections, size in LOADS:
            load(table, "echo", [str(connections), str(size)],
                 [command(s, size) for s in [UNIT, *built]])
    if only != "echo":
        measure_idle(table, built)


def measure_idle(table, built):
    names = {"ours, io_uring": "ours", "ours, epoll": "ours, epoll"}
    lines = [s._replace(name=names[s.name], args=["lines"]) for s in built if s.name in names]
    for s in lines + [s for s in built if s.name in HOLDERS]:
        load(table, "idle", [str(IDLE)], [command(s, 1)])


def most(name, connections, table, figure):
    raw = name.removesuffix(", streams")
    if raw == name:
        return TARGETS.get(name, {}).get(connections)
    known = table.values.get((figure, raw))
    return known and table.value(figure, raw) * STREAMS_OVER_RAW


def cell(table, name, connections, size):
    figure = f"echo-{connections}-{size}"
    if not table.values.get((figure, name)):
        return ""
    if name == UNIT.name:
        return f"1 ({table.notes[figure, name]})"
    value, limit = table.value(figure, name), most(name, connections, table, figure)
    return f"{value:.2f}" + ("" if not limit else " pass" if value <= limit else " miss")


def print_table(table):
    names = {peer for figure, peer in table.values if figure.startswith("echo-")}
    typical = {n: table.value("echo-50-64", n) for n in names if ("echo-50-64", n) in table.values}
    names = sorted(names, key=lambda n: (not n.startswith("ours"), typical.get(n, 0)))
    heads = [f"{n} × {size} B" for n, size in LOADS]
    print("\nEcho: the server's processor time a request, to that of a minimal epoll loop, for so "
          f"many connections × bytes.\nOurs at most {TARGETS}; the streams at most "
          f"{STREAMS_OVER_RAW} of the raw calls.\n")
    print("| server | " + " | ".join(heads) + " |")
    print("| --- |" + " --- |" * len(heads))
    for name in names:
        print(f"| {name} | " + " | ".join(cell(table, name, *at) for at in LOADS) + " |")
