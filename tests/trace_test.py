#!/usr/bin/env python3
"""Traces, as Perfetto reads them (see perfetto.py) and as the tools show them.

usage: trace_test.py PROGRAM COMMAND

PROGRAM is trace_program, COMMAND the asyncio command. In virtual time but where it says otherwise.
"""
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

import perfetto

PROGRAM, COMMAND = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
LIMIT = 60
SECOND = 1_000_000_000


def run(*command, backend="sim", trace=None, **options):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ASYNCIO_")}
    environment["ASYNCIO_BACKEND"] = backend
    if trace:
        environment["ASYNCIO_TRACE"] = str(trace)
    return subprocess.run([*map(str, command)], env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=LIMIT, text=True, **options)


@contextlib.contextmanager
def traced(*what, backend="sim", status=0):
    """The path of the trace of a run of the program."""
    with tempfile.TemporaryDirectory() as place:
        path = pathlib.Path(place) / "trace"
        done = run(PROGRAM, *what, backend=backend, trace=path)
        assert done.returncode == status and not done.stdout, (done.returncode, done.stdout)
        yield path


def read(*what, **options):
    with traced(*what, **options) as path:
        return perfetto.read(path)


def only(list_):
    assert len(list_) == 1, list_
    return list_[0]


def spans(track):
    return [(s.category, s.name, s.begin / SECOND, s.end / SECOND) for s in track.slices]


def check_lanes(trace):
    """What holds for every trace."""
    for track in trace.tracks.values():
        end = 0
        for s in track.slices:
            assert s.depth == 0, (track.name, s)
            assert s.begin >= end, (track.name, s)
            end = s.begin if s.end is None else s.end
            assert end >= s.begin
    for source, target in trace.flows:
        assert source.begin <= target.begin


def lanes_and_what_is_in_them():
    t = read("two_tasks")
    check_lanes(t)
    assert [k.name for k in t.tasks()] == ["Task-1 two_tasks()", "first pause_for()", "Task-2 waiter()"]
    assert spans(t.task("first pause_for()")) == [
        ("step", "pause_for", 0, 0), ("parked", "sleep", 0, 1), ("step", "pause_for", 1, 1)]
    assert spans(t.task("Task-2 waiter()")) == [
        ("step", "waiter", 0, 0), ("parked", "pause_for", 0, 1), ("step", "waiter", 1, 1)]
    thread = only(t.threads())
    assert all(k.parent == thread.uuid for k in t.tasks())
    assert thread.thread == PROGRAM.name[:15]
    assert [s.end / SECOND for s in thread.slices if s.category == "wait"][-1] == 1


def places():
    t = read("two_tasks")
    source = (pathlib.Path(__file__).parent / "trace_program.c").read_text().split("\n")
    first = t.task("first pause_for()")
    file, line, function = first.slices[1].place
    assert file.endswith("trace_program.c") and "asyncio_sleep(seconds)" in source[line - 1]
    assert function == "pause_for"
    made = next(s for s in first.instants if s.name == "made")
    assert "async(void, pause_for," in source[made.place[1] - 1]


def who_woke_whom():
    t = read("two_tasks")
    first, second, main = map(t.task, ("first pause_for()", "Task-2 waiter()", "Task-1 two_tasks()"))
    thread = only(t.threads())
    assert only(first.slices[0].flows_in).track == main.uuid, "its maker"
    timer = only(first.slices[2].flows_in)
    assert timer.track == thread.uuid and timer.category == "callback"
    assert only(second.slices[2].flows_in) is first.slices[2], "what it awaited ended"
    assert only(main.slices[2].flows_in) is second.slices[2]
    assert not t.active, "each flow arrives"


def a_step_that_blocks():
    t = read("blocks")
    steps = [s for s in only(t.tasks()).slices if s.category == "step"]
    assert [(s.end - s.begin) / SECOND for s in steps] == [0, 0.25, 0]
    t = read("blocks", backend="epoll")
    steps = [s for s in only(t.tasks()).slices if s.category == "step"]
    assert (steps[1].end - steps[1].begin) / SECOND >= 0.25 and len(steps) == 3


def how_tasks_end():
    t = read("ends")
    assert t.task("Task-2 fails()").slices[-1].then == "failed: Protocol error"
    assert t.task("Task-3 pause_for()").slices[-1].then == "cancelled"
    assert t.task("Task-1 ends()").slices[-1].then == "done"


def callbacks_have_names():
    t = read("callbacks")
    call = next(s for s in only(t.threads()).slices if s.name == "call_me")
    assert call.category == "callback" and call.begin == 2 * SECOND
    assert only(only(t.tasks()).slices[-1].flows_in) is call
    wait = only(call.flows_in)
    assert wait.name == "woke" and wait.begin == call.begin


def eager_and_stackless_tasks():
    t = read("eager")
    check_lanes(t)
    child, main = t.task("Task-2 pause_for()"), t.task("Task-1 eager()")
    assert spans(child) == [("step", "pause_for", 0, 0), ("parked", "sleep", 0, 1),
                            ("step", "pause_for", 1, 1)]
    assert only(child.slices[0].flows_in).track == main.uuid
    t = read("stackless")
    check_lanes(t)
    assert spans(t.task("Task-2 sleep()")) == [
        ("step", "sleep", 0, 0), ("parked", "sleep", 0, 3), ("step", "sleep", 3, 3)]


def crashes_lose_nothing():
    for how, status in (("abort", -6), ("kill", -9), ("_exit", 0), ("exit", 0)):
        t = read("ends_by", how, backend="epoll", status=status)
        check_lanes(t)
        task = only(t.tasks())
        steps = [s for s in task.slices if s.category == "step"]
        assert len(steps) == 5002, (how, len(steps))
        assert steps[-1].end is None and steps[-2].end is not None, how


def a_cut_file_is_read_as_far_as_it_goes():
    with traced("many_steps", 20000) as path, tempfile.TemporaryDirectory() as place:
        data = path.read_bytes()
        cut = pathlib.Path(place) / "cut"
        for size in (0, 1, 100, 65536, 65537, len(data) // 2, len(data) - 1, len(data)):
            cut.write_bytes(data[:size])
            done = run(COMMAND, "timeline", cut)
            assert done.returncode == (size < 1000), (size, done.stdout)
            if size > 100000: # the names of tasks are in the second window that was filled
                assert "Task-1 many_steps()" in done.stdout, (size, done.stdout)
            elif size < 1000:
                assert done.stdout == f"asyncio: {cut}: this is no trace of ASYNCIO_TRACE\n"


def children_have_files_of_their_own():
    with traced("forks") as path:
        names = sorted(p.name for p in path.parent.iterdir())
        assert len(names) == 2 and names[0] == "trace" and names[1].startswith("trace."), names
        parent, child = (perfetto.read(path.parent / n) for n in names)
    assert [k.name for k in parent.tasks()] == ["Task-1 forks()"]
    assert len(child.tasks()) == 3, child.tracks
    with traced("fork_alone") as path:
        names = sorted(p.name for p in path.parent.iterdir())
        parent, child = (perfetto.read(path.parent / n) for n in names)
    assert len(parent.tasks()) == 6 and [k.name for k in child.tasks()] == ["Task-3 blocks()"]
    assert int(names[1].split(".")[1]) == only(child.threads()).pid


def threads_share_a_file():
    t = read("threads")
    check_lanes(t)
    assert sorted(k.thread for k in t.threads()) == ["one", "three", "two"]
    for thread in t.threads():
        below = [k for k in t.tasks() if k.parent == thread.uuid]
        assert len(below) == 6
        end = max(s.end for k in below for s in k.slices)
        assert 2 * SECOND < end < 2 * SECOND + 10, "one after the other"


def a_million_events():
    with traced("many_steps", 500_000, backend="epoll") as path:
        assert path.stat().st_size < 40_000_000
        assert "Task-2 take_turns()" in run(COMMAND, "timeline", path).stdout
    t = read("many_steps", 50_000, backend="epoll")
    check_lanes(t)
    assert sum(s.category == "step" for k in t.tasks() for s in k.slices) == 50_003
    t = read("many_tasks", 5_000)
    check_lanes(t)
    assert len(t.tasks()) == 5_001 and not t.active


def a_file_that_cannot_be_written():
    done = run(PROGRAM, "two_tasks", trace="/nowhere/trace")
    assert done.returncode == 0
    assert done.stdout == "asyncio: ASYNCIO_TRACE: /nowhere/trace: No such file or directory\n"


def main(*tests):
    print(f"1..{len(tests)}")
    failed = 0
    for n, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {n} - {test.__name__}", flush=True)
        except Exception as e:  # pylint: disable=broad-except
            failed += 1
            print(f"# {type(e).__name__}: {str(e)[-1500:]}".replace("\n", "\n# "))
            print(f"not ok {n} - {test.__name__}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(
        lanes_and_what_is_in_them, places, who_woke_whom, a_step_that_blocks, how_tasks_end,
        callbacks_have_names, eager_and_stackless_tasks, crashes_lose_nothing,
        a_cut_file_is_read_as_far_as_it_goes, children_have_files_of_their_own,
        threads_share_a_file, a_million_events, a_file_that_cannot_be_written))
