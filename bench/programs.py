"""What is run: our programs and the peers', how each is built, which figures it has."""
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / "bench"
OUT = ROOT / "build" / "bench"
REGISTRY = "/usr/share/cargo/registry"  # where Debian puts the sources of its crates
C = ["cc", "-O2", "-std=gnu11", "-D_GNU_SOURCE", f"-I{ROOT / 'include'}"]
CXX = ["c++", "-O2"]

RUNS = ["await", "switch-2", "switch-10000", "create", "asleep", "sleep-gathered", "sleep-task",
        "skynet", "lock", "event", "queue", "queue-pingpong", "group-over-gather",
        "files-over-pool", "trace-event"]
STACKFUL = {"switch-2", "switch-10000", "create", "asleep", "skynet"}
OURS_ALONE = {"lock", "event", "queue", "group-over-gather", "files-over-pool", "trace-event"}


class Program(NamedTuple):
    name: str
    packages: list  # of Debian
    build: list     # a command, or nothing to build
    run: list       # to which the figure's name is added, and then:
    args: list = []
    env: dict = {}
    figures: set = set(RUNS) - OURS_ALONE


def uring():
    found = subprocess.run(["pkg-config", "--exists", "liburing"], check=False) \
        if shutil.which("pkg-config") else None
    return ["-luring"] if found is None or found.returncode == 0 else []


def ours(library):
    link = [str(library), *uring(), "-lm", "-pthread"]
    sources = {"await": {"await"}, "switch": {"switch-2", "switch-10000"}, "create": {"create"},
               "asleep": {"asleep"}, "sleeps": {"sleep-gathered", "sleep-task"},
               "skynet": {"skynet"}, "group": {"group-over-gather"}, "sync": {"lock", "event"},
               "queue": {"queue", "queue-pingpong"}, "files": {"files-over-pool"},
               "trace": {"trace-event"}}
    return [Program("ours", [], [*C, str(BENCH / f"{name}.c"), "-o", str(OUT / name), *link],
                    [str(OUT / name)], figures=figures)
            for name, figures in sources.items()]


def unit():
    return Program("fcontext", ["g++", "libboost-context-dev"],
                   [*CXX, str(BENCH / "peers/fcontext.cpp"), "-o", str(OUT / "fcontext"),
                    "-lboost_context"], [str(OUT / "fcontext")])


def peers():
    def at(name):
        return str(OUT / name)

    go = ["/usr/bin/go", "build", "-o", at("goroutines"), str(BENCH / "peers/goroutines.go")]
    go_env = {"GO111MODULE": "off", "GOCACHE": at("go-cache"), "GOFLAGS": ""}
    # The distribution's compiler and crates, whatever else is installed; no network.
    cargo = ["/usr/bin/cargo", "build", "--quiet", "--release", "--offline",
             "--manifest-path", at("tokio/Cargo.toml"), "--target-dir", at("tokio/target"),
             "--config", 'source.crates-io.replace-with="debian"',
             "--config", f'source.debian.directory="{REGISTRY}"']
    cargo_env = {"CARGO_HOME": at("tokio/cargo-home"), "RUSTC": "/usr/bin/rustc"}
    tokio = [at("tokio/target/release/tokio-peer")]
    rust = ["cargo", "rustc", "librust-tokio-dev", "librust-futures-dev"]
    python = ["/usr/bin/python3", str(BENCH / "peers/cpython.py")]
    return [
        Program("bare fcontext", ["g++", "libboost-context-dev"], [], [at("fcontext")], ["turns"],
                figures={"switch-10000"}),
        Program("State Threads", ["libst-dev"],
                [*C, str(BENCH / "peers/st.c"), "-o", at("st"), "-lst"], [at("st")],
                figures=STACKFUL),
        Program("Boost.Fiber", ["g++", "libboost-fiber-dev", "libboost-context-dev"],
                [*CXX, str(BENCH / "peers/fiber.cpp"), "-o", at("fiber"), "-lboost_fiber",
                 "-lboost_context", "-pthread"], [at("fiber")], figures=STACKFUL),
        Program("Go", ["golang-go"], go, [at("goroutines")], env=go_env,
                figures=STACKFUL | {"queue-pingpong"}),
        Program("Go, 1 thread", ["golang-go"], [], [at("goroutines")], env={"GOMAXPROCS": "1"},
                figures=(STACKFUL | {"queue-pingpong"}) - {"asleep"}),
        Program("Tokio, current_thread", rust, cargo, tokio, ["current_thread"], cargo_env,
                STACKFUL | {"await", "sleep-gathered", "sleep-task"}),
        Program("Tokio, multi_thread", rust, [], tokio, ["multi_thread"],
                figures=STACKFUL - {"asleep"}),
        Program("CPython", ["python3"], [], python),
        # What it replaces is the loop: the other figures are CPython's.
        Program("uvloop", ["python3-uvloop"], [], python, ["uvloop"],
                figures={"switch-2", "switch-10000", "create", "queue-pingpong"}),
    ]
