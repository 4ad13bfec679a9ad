#!/usr/bin/env python3
"""Traces, as Perfetto reads them (see perfetto.py) and as the tools show them.

usage: trace_test.py PROGRAM COMMAND TUTORIAL [KEEP]

PROGRAM is trace_program, COMMAND the asyncio command, TUTORIAL where the tutorial's programs were built.
Photographs of the page go to KEEP. In virtual time but where it says otherwise.
"""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import perfetto
from browser import Browser, count_colour

PROGRAM, COMMAND, TUTORIAL = (pathlib.Path(p).resolve() for p in sys.argv[1:4])
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


def connections_go_by_their_handlers():
    t = read("serves")
    check_lanes(t)
    assert [k.name for k in t.tasks()] == ["Task-1 serves()", "Task-2 answers()"]


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


# --- What the command makes of them -------------------------------------------------------------


def the_command_runs_programs():
    with tempfile.TemporaryDirectory() as place:
        done = run(COMMAND, "trace", PROGRAM, "two_tasks", cwd=place)
        assert done.returncode == 0 and "6 steps of 3 tasks in 1 s" in done.stdout, done.stdout
        assert len(perfetto.read(f"{place}/asyncio.trace").tasks()) == 3
        assert "first pause_for()" in run(COMMAND, "timeline", f"{place}/asyncio.trace").stdout
        assert run(COMMAND, "trace", "-o", "t", "--json", "j", "--html", "h", PROGRAM, "ends_by", "abort",
                   cwd=place).returncode == 128 + 6
        assert sorted(os.listdir(place)) == ["asyncio.trace", "h", "j", "t"]
        done = run(COMMAND, "trace", "/nowhere/program", cwd=place)
        assert done.returncode == 127 and "No such file or directory" in done.stdout, done.stdout
        assert run(COMMAND, "trace", "--svg", "/nowhere/svg", f"{place}/t").returncode == 1
        done = run(COMMAND, "trace", "true", cwd=place)
        assert done.returncode == 1 and "left no trace" in done.stdout, done.stdout
        for wrong in ((), ("--html",), ("--nonsense", "x")):
            assert run(COMMAND, "trace", *wrong).returncode == 2


def a_step_that_never_ended():
    with tempfile.TemporaryDirectory() as place:
        path = f"{place}/trace"
        done = run(COMMAND, "trace", "-o", path, PROGRAM, "ends_by", "stuck", backend="epoll")
        assert done.returncode == 128 + 9, done
        trace = perfetto.read(path)  # still one for Perfetto
        assert only(trace.tasks()).slices[-1].end is None
        timeline = run(COMMAND, "timeline", path).stdout
        assert "blocked" in timeline, timeline


def json_for_other_viewers():
    with traced("two_tasks") as path:
        events = json.loads(run(COMMAND, "trace", "--json", "-", path).stdout)["traceEvents"]
    lanes = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    slices = [(lanes[e["tid"]], e["name"], e["ts"], e["dur"]) for e in events
              if e["ph"] == "X" and e["cat"] == "parked"]
    assert ("first pause_for()", "sleep", 0, 1e6) in slices, slices
    flows = [e for e in events if e["ph"] in "sf"]
    assert len(flows) == 2 * len({e["id"] for e in flows}) > 8


def pictures():
    with traced("blocks") as path:
        svg = run(COMMAND, "trace", "--svg", "-", path).stdout
    root = xml.etree.ElementTree.fromstring(svg)
    texts = ["".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text")]
    for wanted in "blocked 250 ms", "sleep", "Task-1 blocks()", "0 ms", "700 ms":
        assert wanted in texts, (wanted, texts)
    bars = [r.get("width") for r in root.iter("{http://www.w3.org/2000/svg}rect") if r.get("class") == "blocked"]
    assert abs(float(bars[0]) / (860 - 190 - 24) - 0.25 / 0.75) < 0.01, "to scale"


DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
PICTURES = {"blocking": "08_time_sleep", "non-blocking": "09_asyncio_sleep"}


def the_pictures_of_the_documents():
    for name, program in PICTURES.items():
        with tempfile.TemporaryDirectory() as place:
            drawn = pathlib.Path(place) / "svg"
            done = run(COMMAND, "trace", "--svg", drawn, TUTORIAL / program)
            assert done.returncode == 0, done.stdout
            kept = DOCS / "pictures" / f"{name}.svg"
            assert drawn.read_text() == kept.read_text(), (
                f"{kept} is out of date: ASYNCIO_BACKEND=sim asyncio trace --svg {kept} {program}")


class Skipped(Exception):
    pass


@contextlib.contextmanager
def page(*what, backend="sim", size=(1440, 800)):
    """A browser that shows the page of a run of the program."""
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if not program:
        raise Skipped("no chromium here")
    with traced(*what, backend=backend) as path, Browser(program, *size) as browser:
        file = path.parent / "page.html"
        done = run(COMMAND, "trace", "--html", file, path)
        assert done.returncode == 0, done.stdout
        browser.open(file.as_uri())
        browser.drawn()
        yield browser
        assert not browser.complaints(), browser.complaints()
        assert all(url.startswith("file:") for url in browser.asked_for()), "it needs no network"


def photograph(browser, name):
    png = browser.photograph()
    if len(sys.argv) > 4:
        pathlib.Path(sys.argv[4]).mkdir(exist_ok=True)
        (pathlib.Path(sys.argv[4]) / f"{name}.png").write_bytes(png)
    return png


RED, BLUE, DARK = (0xD9, 0x2D, 0x3A), (0x2F, 0x6F, 0xDE), (0x14, 0x18, 0x1F)
LABEL, ROW, TOP = 230, 24, 46 + 28  # of the page: see view.js


def place_of(browser, time, row, top=None):
    """Where a time, in seconds, of a row is on the screen."""
    box = browser.evaluate("(b => [b.left, b.top])(canvas.getBoundingClientRect())")
    x = browser.evaluate(f"view.x({time * SECOND})")
    return box[0] + x, box[1] + 28 + row * ROW + ROW / 2


def the_page_shows_what_blocked():
    with page("blocks") as browser:
        text = browser.evaluate("document.querySelector('header').innerText")
        assert "750 ms" in text and "1 blocked the loop" in text, text
        png = photograph(browser, "blocks")
        assert count_colour(png, RED) > 2000, "the step that blocked is red"
        rows = browser.evaluate("[...document.querySelectorAll('#table tbody tr')].map(r => r.innerText)")
        assert rows[0].startswith("250 ms") and "Task-1 blocks()" in rows[0], rows
        browser.evaluate("document.querySelector('#table tbody tr').click()")
        browser.drawn()
        details = browser.evaluate("document.querySelector('#details').innerText")
        for wanted in "Task-1 blocks()", "blocked", "250 ms", "woken by":
            assert wanted in details, (wanted, details)
        assert browser.evaluate("document.querySelectorAll('dd.bad').length") == 1
        browser.evaluate("$('threshold').value = 300; setThreshold()")
        browser.drawn()
        assert count_colour(photograph(browser, "no-longer"), RED) < 500


def the_page_is_clicked_and_zoomed():
    with page("two_tasks") as browser:
        names = browser.evaluate("view.rows.map(i => trace.lanes[i].name)")
        assert names[1:] == ["Task-1 two_tasks()", "first pause_for()", "Task-2 waiter()"], names
        browser.move(*place_of(browser, 0.5, 2))
        tip = browser.evaluate("$('tip').hidden ? '' : $('tip').innerText")
        assert "parked on sleep" in tip and "trace_program.c:13" in tip and "1 s" in tip, tip
        browser.click(*place_of(browser, 0.5, 3))
        details = browser.evaluate("$('details').innerText")
        assert "parked on pause_for" in details and "Task-2 waiter()" in details, details
        browser.key("n")
        assert "woken by" in browser.evaluate("$('details').innerText")
        browser.key("Enter")
        assert browser.evaluate("$('details').innerText").startswith("first pause_for()")
        before = browser.evaluate("view.to - view.from")
        browser.wheel(*place_of(browser, 0.5, 2), -300, control=True)
        after = browser.evaluate("view.to - view.from")
        assert after < before * 0.8, (before, after)
        browser.evaluate("$('lanes').focus()")
        browser.key("w")
        assert browser.evaluate("view.to - view.from") < after * 0.8
        where = browser.evaluate("view.from")
        browser.key("d")
        assert browser.evaluate("view.from") > where
        browser.key("0")
        assert browser.evaluate("view.to - view.from") > SECOND
        photograph(browser, "selected")


def the_page_searches_and_is_dark():
    with page("two_tasks") as browser:
        browser.key("/", " ")
        browser.call("Input.insertText", text="first")
        browser.drawn()
        tasks = browser.evaluate("view.rows.map(i => trace.lanes[i].name).slice(1)")
        assert tasks == ["first pause_for()"], tasks
        browser.evaluate("$('search').value = 'nobody has this'; arrange()")
        assert browser.evaluate("!$('nothing').hidden")
        browser.evaluate("$('search').value = ''; arrange(); theme('dark')")
        browser.drawn()
        assert count_colour(photograph(browser, "dark"), DARK) > 200_000
        assert browser.evaluate("new Promise(done => setTimeout(() => done(location.hash), 400))").endswith("theme=dark")


def the_page_at_a_million_events():
    with page("many_steps", 500_000, backend="epoll") as browser:
        assert browser.evaluate("trace.count") >= 500_000
        assert "500,003 steps" in browser.evaluate("$('facts').innerText")
        took = browser.evaluate("""(() => {
            const begun = performance.now();
            for (let i = 0; i < 20; i++) { view.show(trace.length * 0.04 * i / 2, trace.length * (1 - 0.04 * i / 2)); view.draw(); }
            return (performance.now() - begun) / 20;
        })()""")
        assert took < 200, f"a picture takes {took} ms"
        assert count_colour(photograph(browser, "million"), BLUE) > 100
        print(f"# a million events: {took:.1f} ms a picture")
    with page("many_tasks", 20_000) as browser:
        assert browser.evaluate("view.rows.length") == 20_002
        browser.evaluate("scrollTo(1e9)")
        browser.drawn()
        shown = browser.evaluate("trace.lanes[view.rows[view.rows.length - 1]].name")
        assert shown == "Task-20001 take_turns()", shown
        photograph(browser, "many")


def main(*tests):
    print(f"1..{len(tests)}")
    failed = 0
    for n, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {n} - {test.__name__}", flush=True)
        except Skipped as why:
            print(f"ok {n} - {test.__name__} # SKIP {why}", flush=True)
        except Exception as e:  # pylint: disable=broad-except
            failed += 1
            print(f"# {type(e).__name__}: {str(e)[-1500:]}".replace("\n", "\n# "))
            print(f"not ok {n} - {test.__name__}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(
        lanes_and_what_is_in_them, places, who_woke_whom, a_step_that_blocks, how_tasks_end,
        callbacks_have_names, eager_and_stackless_tasks,
        connections_go_by_their_handlers, crashes_lose_nothing,
        a_cut_file_is_read_as_far_as_it_goes, children_have_files_of_their_own,
        threads_share_a_file, a_million_events, a_file_that_cannot_be_written,
        the_command_runs_programs, a_step_that_never_ended, json_for_other_viewers, pictures, the_pictures_of_the_documents,
        the_page_shows_what_blocked,
        the_page_is_clicked_and_zoomed, the_page_searches_and_is_dark, the_page_at_a_million_events))
