"use strict";
/* The page: what the mouse and the keys do, the details, the tables. Its state is in the address
 * (#t=FROM,TO&sel=SPAN&q=WORDS&theme=dark), so a link shows the same. */

const $ = (id) => document.getElementById(id);
const trace = decode(JSON.parse($("meta").textContent), base64($("data").textContent.trim()));
const view = new View(trace, $("canvas"), $("overview"));
const most = 200; /* rows of a table */
let tab = "slow", redraw = 0;

const escaped = (s) => s.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const where = (s) => s < 0 ? "" : escaped(trace.strings[s].replace(/ [^ ]*$/, "").replace(/^(\.\.\/)+/, ""));
const laneName = (i) => escaped(trace.lanes[i].loop ? `loop of ${trace.lanes[i].name || "a thread"}` : trace.lanes[i].name);

function draw() {
  if (redraw) return;
  redraw = requestAnimationFrame(() => {
    redraw = 0;
    view.draw();
    $("where").textContent = `${instant(Math.max(0, view.from), (view.to - view.from) / 100)} – ` +
      `${instant(view.to, (view.to - view.from) / 100)}: ${duration(view.to - view.from)} shown, ` +
      `${number(view.rows.filter((l) => !trace.lanes[l].loop).length)} of ${number(tasks.length)} tasks`;
  });
  remember();
}

let remembering = 0;
function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(() => {
    const state = new URLSearchParams({t: `${Math.round(view.from)},${Math.round(view.to)}`});
    if (view.selected >= 0) state.set("sel", view.selected);
    if ($("search").value) state.set("q", $("search").value);
    if ($("order").value !== "made") state.set("order", $("order").value);
    if (themed) state.set("theme", themed);
    history.replaceState(null, "", "#" + state);
  }, 250);
}

/* --- Which lanes, in which order --- */

const tasks = trace.lanes.filter((lane) => !lane.loop);
const orders = {
  made: (a, b) => a.index - b.index, run: (a, b) => b.run - a.run, slow: (a, b) => b.slowest - a.slowest,
  late: (a, b) => b.latest - a.latest, name: (a, b) => a.name.localeCompare(b.name, "en", {numeric: true}),
};

/* Whether the words are in a lane: in its name or in what happened there. */
function matcher(words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (!wanted.length) return () => true;
  const strings = wanted.map((w) => trace.strings.map((s) => s.toLowerCase().includes(w)));
  return (lane) => wanted.every((w, k) => {
    if (lane.name.toLowerCase().includes(w) || (lane.place >= 0 && strings[k][lane.place])) return true;
    for (let i = lane.first; i < lane.end; i++) {
      if (strings[k][trace.name[i]] || strings[k][trace.place[i]] || strings[k][trace.then[i]]) return true;
    }
    return false;
  });
}

function arrange() {
  const matches = matcher($("search").value), rows = [], compare = orders[$("order").value];
  const below = new Map();
  for (const lane of tasks) {
    if (lane.first === lane.end || !matches(lane)) continue;
    if (!below.has(lane.parent)) below.set(lane.parent, []);
    below.get(lane.parent).push(lane);
  }
  for (const loop of trace.lanes) {
    if (!loop.loop || (!below.has(loop.index) && $("search").value && !matches(loop))) continue;
    rows.push(loop.index, ...(below.get(loop.index) || []).sort(compare).map((lane) => lane.index));
  }
  view.setRows(rows);
  $("nothing").hidden = rows.length > 0;
  $("height").style.height = `${view.height()}px`;
  scrolled();
}

const scrolled = () => { $("scroll").scrollTop = view.top; draw(); };
function scrollTo(top) {
  view.top = Math.max(0, Math.min(top, view.height() - view.room()));
  scrolled();
}

/* --- What is told of a span --- */

const kinds = ["runs", "parked on", "callback", "waits for the kernel"];

function facts(i) {
  const t = trace, kind = t.kind[i], list = [];
  const took = duration(t.end[i] - t.begin[i]) + (t.open[i] ? ", until the trace ends" : "");
  list.push([view.isSlow(i) ? "blocked" : kind === PARKED ? "parked" : kind === WAIT ? "waited" : "ran", took, view.isSlow(i)]);
  list.push(["from", `${instant(t.begin[i], 1)} to ${instant(t.end[i], 1)}`]);
  if (t.place[i] >= 0) list.push(["at", where(t.place[i])]);
  else if (kind === STEP && i + 1 < t.lanes[t.lane[i]].end && t.place[i + 1] >= 0) list.push(["then", `parked on ${escaped(text(t, t.name[i + 1]))} at ${where(t.place[i + 1])}`]);
  if (t.then[i] >= 0) list.push(["then", escaped(text(t, t.then[i])), !/^done/.test(text(t, t.then[i]))]);
  if (t.by[i] >= 0) {
    const made = i === t.lanes[t.lane[i]].first && !t.lanes[t.lane[i]].loop ? "made by" : "woken by";
    list.push([made, laneName(t.by[i])]);
    list.push(["its turn came", `${duration(t.begin[i] - t.byAt[i])} later`]);
  }
  const lane = t.lanes[t.lane[i]];
  if (!lane.loop && lane.place >= 0) list.push(["defined", where(lane.place)]);
  return list;
}

function describe(i) {
  const t = trace, kind = t.kind[i];
  const head = kind === STEP ? laneName(t.lane[i]) : kind === WAIT ? kinds[WAIT] : `${kinds[kind]} ${escaped(text(t, t.name[i]))}`;
  return `<h3>${head}</h3>` + (kind === STEP ? "" : `<dl><dt>in<dd>${laneName(t.lane[i])}</dl>`) +
    `<dl>${facts(i).map(([a, b, bad]) => `<dt>${a}<dd${bad ? " class=bad" : ""}>${b}`).join("")}</dl>`;
}

/* In sight, if `reveal`; then `times` is for View.reveal(). */
function select(i, reveal, times) {
  view.selected = i;
  if (i >= 0 && reveal) {
    if (view.rowOf[trace.lane[i]] < 0) { $("search").value = ""; arrange(); }
    view.reveal(i, times);
    $("scroll").scrollTop = view.top;
  }
  if (i < 0) {
    $("details").innerHTML = "<p>Click a step to see what it did, who woke it and whom it woke.</p>";
  } else {
    const by = waker(trace, i), woken = view.arrowsOf(i).filter((k) => k !== i);
    $("details").innerHTML = describe(i) + "<p style='margin-top:6px'>" +
      (by >= 0 ? `<button data-go=${by}>who woke it ⏎</button> ` : "") + `<button data-zoom=${i}>zoom f</button>` +
      (woken.length ? ` woke ${woken.slice(0, 6).map((k) => `<button data-go=${k}>${escaped(split(trace.lanes[trace.lane[k]].name)[0])}</button>`).join(" ")}${woken.length > 6 ? ` and ${woken.length - 6} more` : ""}` : "") + "</p>";
  }
  draw();
}

$("details").addEventListener("click", ({target}) => {
  if (target.dataset.go) select(+target.dataset.go, true);
  if (target.dataset.zoom) select(+target.dataset.zoom, true, 2.5);
});

/* --- Tables --- */

const lists = {};
const listOf = (which) => lists[which] ??= greatest(trace, most, (i) => (which === "slow" ? busyTime : lateness)(trace, i));

function spanTable(which) {
  const head = which === "slow" ? "ran" : "late by";
  const rows = listOf(which).map((i) => {
    const ns = (which === "slow" ? busyTime : lateness)(trace, i), next = i + 1;
    const parked = next < trace.lanes[trace.lane[i]].end && trace.kind[i] === STEP && trace.place[next] >= 0 ? `until ${where(trace.place[next])}` : text(trace, trace.then[i]);
    const title = trace.kind[i] === STEP ? laneName(trace.lane[i]) : `${escaped(text(trace, trace.name[i]))} <small>callback</small>`;
    return `<tr data-go=${i}><td class="n${which === "slow" && view.isSlow(i) ? " bad" : ""}">${duration(ns)}<td>${title}<br><small>${escaped(parked)}</small><td class=n>${instant(trace.begin[i], trace.length / 1000)}`;
  });
  if (!rows.length) return `<p class=none>${which === "slow" ? "No step took any time: is this virtual time?" : "Everybody ran as soon as it could."}</p>`;
  return `<table><thead><tr><th class=n>${head}<th>who<th class=n>at</thead><tbody>${rows.join("")}</tbody></table>`;
}

function functionTable() {
  const of = new Map();
  for (const lane of tasks) {
    const name = split(lane.name)[1] || lane.name;
    const f = of.get(name) || {name, tasks: 0, steps: 0, run: 0, slowest: 0};
    f.tasks++; f.steps += lane.steps; f.run += lane.run; f.slowest = Math.max(f.slowest, lane.slowest);
    of.set(name, f);
  }
  const rows = [...of.values()].sort((a, b) => b.run - a.run).slice(0, most).map((f) =>
    `<tr data-search="${escaped(f.name)}"><td>${escaped(f.name)}<br><small>${number(f.tasks)} task${f.tasks === 1 ? "" : "s"}, ${number(f.steps)} steps</small><td class=n>${duration(f.run)}<td class="n${f.slowest >= view.threshold ? " bad" : ""}">${duration(f.slowest)}`);
  return `<table><thead><tr><th>function<th class=n>ran<th class=n>slowest</thead><tbody>${rows.join("")}</tbody></table>`;
}

function showTab(which) {
  tab = which;
  for (const button of document.querySelectorAll("nav button")) button.setAttribute("aria-selected", button.dataset.tab === which);
  $("table").innerHTML = which === "functions" ? functionTable() : spanTable(which);
  $("table").scrollTop = 0;
}

document.querySelector("nav").addEventListener("click", ({target}) => { if (target.dataset.tab) showTab(target.dataset.tab); });
$("table").addEventListener("click", ({target}) => {
  const row = target.closest("tr");
  if (row?.dataset.go) select(+row.dataset.go, true, 12);
  if (row?.dataset.search) { $("search").value = row.dataset.search; arrange(); }
});

/* --- The head --- */

let themed = "";
function theme(which) {
  themed = which;
  document.documentElement.classList.toggle("dark", which ? which === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  view.colours();
  draw();
}

function setThreshold() {
  view.setThreshold(Math.max(0, +$("threshold").value * 1e6));
  const steps = tasks.reduce((n, lane) => n + lane.steps, 0), slow = view.slow.length;
  $("facts").innerHTML = `<b>${duration(trace.length)}</b>, <b>${number(tasks.length)}</b> tasks, <b>${number(steps)}</b> steps` +
    (slow ? `, <span class=bad id=first>${number(slow)} blocked the loop</span>` : ", nothing blocked the loop") + (trace.cut ? ", cut short" : "");
  $("first")?.addEventListener("click", () => select(listOf("slow")[0], true, 12));
  showTab(tab);
  draw();
}

function zoom(factor, at = (view.from + view.to) / 2) {
  view.show(at - (at - view.from) * factor, at + (view.to - at) * factor);
  draw();
}

function pan(share) {
  const by = (view.to - view.from) * share;
  view.show(view.from + by, view.to + by);
  draw();
}

function fit() { view.show(-trace.length * 0.01, trace.length * 1.01); draw(); }

/* --- Mouse --- */

const canvas = $("canvas");
let drag = null;

function hover(event) {
  const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
  const i = view.spanAt(x, y), tip = $("tip");
  view.hovered = i;
  view.pointer = x > LABEL && x < view.w - 14 ? x : null;
  tip.hidden = i < 0 || drag;
  if (i >= 0) {
    tip.innerHTML = describe(i);
    const right = x + 16 + tip.offsetWidth > view.w - 14;
    tip.style.left = `${Math.max(4, right ? x - tip.offsetWidth - 12 : x + 16)}px`;
    tip.style.top = `${Math.min(y + OVERVIEW + 14, $("lanes").clientHeight - tip.offsetHeight - 6)}px`;
  }
  canvas.style.cursor = i >= 0 ? "pointer" : "default";
  draw();
}

canvas.addEventListener("pointerdown", (e) => {
  drag = {x: e.clientX, y: e.clientY, from: view.from, to: view.to, top: view.top, moved: false, zoom: e.shiftKey};
  canvas.setPointerCapture(e.pointerId);
});
canvas.addEventListener("pointermove", (e) => {
  if (!drag) return hover(e);
  const dx = e.clientX - drag.x, dy = e.clientY - drag.y;
  drag.moved ||= Math.abs(dx) + Math.abs(dy) > 4;
  if (!drag.moved || drag.zoom) return;
  const by = -dx / view.width() * (drag.to - drag.from);
  view.show(drag.from + by, drag.to + by);
  scrollTo(drag.top - dy);
});
canvas.addEventListener("pointerup", (e) => {
  const box = canvas.getBoundingClientRect(), was = drag;
  drag = null;
  if (!was) return;
  if (was.moved && was.zoom) {
    const [a, b] = [was.x, e.clientX].sort((p, q) => p - q).map((x) => view.time(x - box.left));
    view.show(a, b);
    draw();
  } else if (!was.moved) {
    select(view.spanAt(e.clientX - box.left, e.clientY - box.top), false);
  }
  $("lanes").focus({preventScroll: true});
});
canvas.addEventListener("dblclick", () => { if (view.selected >= 0) select(view.selected, true, 2.5); });
canvas.addEventListener("pointerleave", () => { view.hovered = -1; view.pointer = null; $("tip").hidden = true; draw(); });
$("lanes").addEventListener("wheel", (e) => {
  e.preventDefault();
  const pixels = e.deltaMode ? 30 : 1;
  if (e.ctrlKey || e.metaKey) zoom(1.002 ** (e.deltaY * pixels), view.time(e.clientX - canvas.getBoundingClientRect().left));
  else if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) pan((e.deltaX || e.deltaY) * pixels / view.width());
  else scrollTo(view.top + e.deltaY * pixels);
}, {passive: false});
$("scroll").addEventListener("scroll", () => { view.top = $("scroll").scrollTop; draw(); });

const overview = $("overview");
let stretch = null;
const overviewAt = (e) => view.overviewTime(e.clientX - overview.getBoundingClientRect().left);
overview.addEventListener("pointerdown", (e) => { stretch = overviewAt(e); overview.setPointerCapture(e.pointerId); });
overview.addEventListener("pointermove", (e) => {
  if (stretch === null || Math.abs(overviewAt(e) - stretch) < trace.length / 200) return;
  view.show(Math.min(stretch, overviewAt(e)), Math.max(stretch, overviewAt(e)));
  draw();
});
overview.addEventListener("pointerup", (e) => {
  const at = overviewAt(e), half = (view.to - view.from) / 2;
  if (Math.abs(at - stretch) < trace.length / 200) { view.show(at - half, at + half); draw(); }
  stretch = null;
});

/* --- Keys --- */

function step(by) {
  const i = view.selected, lane = i >= 0 && trace.lanes[trace.lane[i]];
  if (lane && i + by >= lane.first && i + by < lane.end) select(i + by, true);
}

const keys = {
  w: () => zoom(0.7), "+": () => zoom(0.7), "=": () => zoom(0.7), s: () => zoom(1 / 0.7), "-": () => zoom(1 / 0.7),
  a: () => pan(-0.15), ArrowLeft: () => pan(-0.15), d: () => pan(0.15), ArrowRight: () => pan(0.15),
  ArrowUp: () => scrollTo(view.top - ROW), ArrowDown: () => scrollTo(view.top + ROW),
  PageUp: () => scrollTo(view.top - view.room() * 0.9), PageDown: () => scrollTo(view.top + view.room() * 0.9),
  Home: () => scrollTo(0), End: () => scrollTo(Infinity),
  0: fit, f: () => { if (view.selected >= 0) select(view.selected, true, 2.5); }, n: () => step(1), p: () => step(-1),
  Enter: () => { const by = view.selected >= 0 ? waker(trace, view.selected) : -1; if (by >= 0) select(by, true); },
  Escape: () => select(-1), x: () => $("arrows").click(), t: () => $("theme").click(), "?": () => $("keys").showModal(),
  "/": () => $("search").select(),
};
addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || $("keys").open) return;
  if (e.target.closest("input, select")) {
    if (e.key === "Escape") { if (e.target === $("search")) { $("search").value = ""; arrange(); } e.target.blur(); }
    return;
  }
  if (e.key === "Enter" && e.target.closest("button")) return;
  if (keys[e.key]) { e.preventDefault(); keys[e.key](); }
});

$("search").addEventListener("input", arrange);
$("order").addEventListener("change", arrange);
$("threshold").addEventListener("input", setThreshold);
$("in").onclick = () => zoom(0.5);
$("out").onclick = () => zoom(2);
$("fit").onclick = fit;
$("help").onclick = () => $("keys").showModal();
$("arrows").onclick = () => { view.arrows = !view.arrows; $("arrows").setAttribute("aria-pressed", view.arrows); draw(); };
$("theme").onclick = () => theme(document.documentElement.classList.contains("dark") ? "light" : "dark");
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => theme(themed));
new ResizeObserver(() => { view.resize(); view.setRows(view.rows); view.draw(); }).observe($("lanes"));

/* --- Beginning --- */

const asked = new URLSearchParams(location.hash.slice(1));
$("title").textContent = document.title = trace.process || "asyncio trace";
$("search").value = asked.get("q") || "";
if (orders[asked.get("order")]) $("order").value = asked.get("order");
view.resize();
theme(asked.get("theme") || "");
setThreshold();
arrange();
const [from, to] = (asked.get("t") || "").split(",").map(Number);
if (to > from) view.show(from, to); else fit();
select(asked.has("sel") ? Math.min(+asked.get("sel"), trace.count - 1) : -1, asked.has("sel") && !(to > from), 12);
