"use strict";
/* Drawing: a view of the trace, [from, to) in time and a number of rows, on two canvases. What is
 * narrower than a pixel is drawn as a column of one, as dark as its share of time that was run; so
 * the work for a lane depends on the pixels, not on how much happened in it. */

const LABEL = 230, RULER = 28, ROW = 24, BAR = 16, OVERVIEW = 46, BINS = 2048, MOST_ARROWS = 800;

class View {
  constructor(trace, canvas, overview) {
    Object.assign(this, {t: trace, canvas, overview, from: 0, to: trace.length || 1, rows: [], top: 0,
                         threshold: 1e8, selected: -1, hovered: -1, arrows: true, pointer: null});
    this.rowOf = new Int32Array(trace.lanes.length);
    this.load = this.measureLoad();
    this.colours();
  }

  colours() {
    const style = getComputedStyle(document.documentElement);
    this.c = {};
    for (const name of ["paper", "panel", "line", "ink", "dim", "faint", "run", "run-ink", "blocked", "callback",
      "parked", "parked-ink", "ready", "wait", "wait-ink", "select", "arrow", "mark", "row"])
      this.c[name] = style.getPropertyValue("--" + name).trim();
  }

  /* The share of each stretch of the whole trace in which some step ran. */
  measureLoad() {
    const t = this.t, bins = new Float32Array(BINS), width = (t.length || 1) / BINS;
    for (let i = 0; i < t.count; i++) {
      if (!isBusy(t, i)) continue;
      let bin = Math.min(BINS - 1, t.begin[i] / width | 0);
      const last = Math.min(BINS - 1, t.end[i] / width | 0);
      if (bin === last) { bins[bin] += (t.end[i] - t.begin[i]) / width; continue; }
      bins[bin] += (bin + 1) - t.begin[i] / width;
      while (++bin < last) bins[bin] += 1;
      bins[last] += t.end[i] / width - last;
    }
    return bins;
  }

  setRows(rows) {
    this.rows = rows;
    this.rowOf.fill(-1);
    rows.forEach((lane, row) => { this.rowOf[lane] = row; });
    this.top = Math.max(0, Math.min(this.top, this.height() - this.room()));
  }

  setThreshold(ns) {
    const t = this.t;
    this.threshold = ns;
    this.slow = [];
    for (let i = 0; i < t.count; i++) if (this.isSlow(i)) this.slow.push(i);
  }

  isSlow(i) { return this.threshold > 0 && isBusy(this.t, i) && this.t.end[i] - this.t.begin[i] >= this.threshold; }
  height() { return this.rows.length * ROW + 12; }
  room() { return this.h - RULER; }
  width() { return this.w - LABEL - 14; }
  x(time) { return LABEL + (time - this.from) / (this.to - this.from) * this.width(); }
  time(x) { return this.from + (x - LABEL) / this.width() * (this.to - this.from); }
  y(row) { return RULER + row * ROW - this.top; }
  middle(lane) { const row = this.rowOf[lane]; return row < 0 ? null : this.y(row) + ROW / 2; }

  resize() {
    for (const canvas of [this.canvas, this.overview]) {
      const ratio = devicePixelRatio || 1;
      canvas.width = Math.round(canvas.clientWidth * ratio);
      canvas.height = Math.round(canvas.clientHeight * ratio);
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.w = this.canvas.clientWidth;
    this.h = this.canvas.clientHeight;
  }

  /* [from, to), within the trace and no shorter than 10 ns. */
  show(from, to) {
    const whole = this.t.length || 1, margin = whole * 0.02;
    let length = Math.min(Math.max(to - from, 10), whole + 2 * margin);
    const middle = (from + to) / 2;
    this.from = Math.max(-margin, Math.min(middle - length / 2, whole + margin - length));
    this.to = this.from + length;
  }

  draw() {
    const g = this.canvas.getContext("2d");
    g.clearRect(0, 0, this.w, this.h);
    g.font = '12px system-ui, "DejaVu Sans", sans-serif';
    g.textBaseline = "middle";
    const first = Math.max(0, Math.floor(this.top / ROW));
    const last = Math.min(this.rows.length, Math.ceil((this.top + this.room()) / ROW));
    g.save();
    g.beginPath(); g.rect(0, RULER, this.w - 14, this.h - RULER); g.clip();
    this.drawRows(g, first, last);
    g.beginPath(); g.rect(LABEL, RULER, this.width(), this.h - RULER); g.clip();
    this.drawGrid(g);
    this.drawStandstills(g, first, last);
    for (let row = first; row < last; row++) this.drawLane(g, this.t.lanes[this.rows[row]], this.y(row));
    this.drawArrows(g, first, last);
    this.drawSelection(g);
    g.restore();
    this.drawLabels(g, first, last);
    this.drawRuler(g);
    this.drawOverview();
  }

  drawRows(g, first, last) {
    for (let row = first; row < last; row++) {
      const loop = this.t.lanes[this.rows[row]].loop;
      if (!loop && row % 2) continue;
      g.fillStyle = loop ? this.c.panel : this.c.row;
      if (loop || row % 2 === 0) g.fillRect(0, this.y(row), this.w, ROW);
    }
  }

  /* How far apart the ruler's marks are. */
  step() { return niceStep((this.to - this.from) * 95 / this.width()); }

  drawGrid(g) {
    g.fillStyle = this.c.line;
    for (let step = this.step(), time = Math.ceil(this.from / step) * step; time < this.to; time += step)
      g.fillRect(Math.round(this.x(time)), RULER, 1, this.h);
  }

  /* While one blocks, nobody else runs: it stands across all lanes. */
  drawStandstills(g, first, last) {
    g.fillStyle = this.c.blocked;
    g.globalAlpha = 0.1;
    for (const i of this.slow) {
      const x0 = this.x(this.t.begin[i]), x1 = this.x(this.t.end[i]);
      if (x1 > LABEL && x0 < this.w && x1 - x0 >= 1) g.fillRect(x0, RULER, x1 - x0, this.y(last) - RULER);
    }
    g.globalAlpha = 1;
  }

  drawLane(g, lane, y) {
    const t = this.t, top = y + (ROW - BAR) / 2, per = this.width() / (this.to - this.from);
    if (lane.first === lane.end) return;
    if (!lane.loop) { /* where nothing covers it, it is ready */
      const x0 = Math.max(LABEL, this.x(lane.alive)), x1 = Math.min(this.w, this.x(lane.gone));
      g.fillStyle = this.c.ready;
      if (x1 > x0) g.fillRect(x0, y + ROW / 2 - 1.5, x1 - x0, 3);
    }
    for (let i = firstAfter(t, this.from, lane.first, lane.end); i < lane.end && t.begin[i] < this.to;) {
      const x0 = LABEL + (t.begin[i] - this.from) * per, x1 = LABEL + (t.end[i] - this.from) * per;
      if (x1 - x0 >= 1.5) {
        this.drawSpan(g, i, Math.max(x0, LABEL - 2), Math.min(x1, this.w + 2), top);
        i++;
        continue;
      }
      const pixel = Math.floor(x0), until = this.from + (pixel + 1 - LABEL) / per;
      let next = i + 1;
      if (next < lane.end && t.end[next] <= until) next = firstAfter(t, until, next, lane.end);
      this.drawColumn(g, i, next, pixel, top, per);
      i = next;
    }
    for (const i of this.slowOf(lane)) { /* also where it is but a pixel wide */
      const x0 = this.x(t.begin[i]);
      if (x0 < this.w && this.x(t.end[i]) - x0 < 3 && this.x(t.end[i]) > LABEL) {
        g.fillStyle = this.c.blocked;
        g.fillRect(x0 - 1, top, 3, BAR);
      }
    }
  }

  slowOf(lane) { return lane.slowest >= this.threshold ? this.slow.filter((i) => this.t.lane[i] === lane.index) : []; }

  /* Spans [i, next) within one pixel. */
  drawColumn(g, i, next, pixel, top, per) {
    const t = this.t, last = next - 1;
    const ran = t.ran[last] - t.ran[i] + busyTime(t, last);
    let busy = isBusy(t, i) ? i : next > i + 1 && isBusy(t, i + 1) ? i + 1 : -1;
    if (busy < 0) {
      g.fillStyle = t.kind[i] === WAIT ? this.c.wait : this.c.parked;
      g.fillRect(pixel, top, 1, BAR);
      return;
    }
    const share = Math.min(1, ran * per);
    g.fillStyle = t.kind[busy] === CALLBACK ? this.c.callback : this.c.run;
    g.globalAlpha = next - i > 2 ? 0.35 + 0.65 * share : 1;
    g.fillRect(pixel, top, next - i > 2 ? 1 : 2, BAR);
    g.globalAlpha = 1;
  }

  drawSpan(g, i, x0, x1, top) {
    const t = this.t, c = this.c, kind = t.kind[i], slow = this.isSlow(i), width = x1 - x0;
    g.fillStyle = slow ? c.blocked : [c.run, c.parked, c.callback, c.wait][kind];
    if (width > 6 && kind !== WAIT) { g.beginPath(); g.roundRect(x0, top, width - 0.5, BAR, 3); g.fill(); }
    else g.fillRect(x0, top, width, BAR);
    if (width < 26) return;
    const busy = kind === STEP || kind === CALLBACK;
    g.fillStyle = busy ? c["run-ink"] : kind === PARKED ? c["parked-ink"] : c["wait-ink"];
    const took = duration(t.end[i] - t.begin[i]), name = text(t, t.name[i]);
    const left = Math.max(x0, LABEL), room = Math.min(x1, this.w - 14) - left - 8;
    const said = slow ? `${name} blocked ${took}` : `${name}  ${took}`;
    this.write(g, [said, slow ? `blocked ${took}` : name], left + 4, top + BAR / 2 + 0.5, room);
  }

  /* The first of the texts that fits, else as much of the last as does. */
  write(g, texts, x, y, room) {
    for (const said of texts) {
      if (said.length * 4 < room && g.measureText(said).width <= room) return g.fillText(said, x, y);
    }
    const said = texts[texts.length - 1], letters = Math.floor(room / 7) - 1;
    if (letters >= 4) g.fillText(said.slice(0, letters) + "…", x, y);
  }

  /* --- Who woke whom --- */

  drawArrows(g, first, last) {
    const t = this.t, shown = this.selected >= 0 ? this.arrowsOf(this.selected) : [];
    if (this.arrows) {
      let spans = 0;
      const all = [];
      for (let row = first; row < last && spans <= MOST_ARROWS; row++) {
        const lane = t.lanes[this.rows[row]];
        for (let i = firstAfter(t, this.from, lane.first, lane.end); i < lane.end && t.begin[i] < this.to; i++) {
          if (++spans > MOST_ARROWS) break;
          if (t.by[i] >= 0 && t.by[i] !== t.lane[i]) all.push(i);
        }
      }
      g.globalAlpha = 0.5;
      if (spans <= MOST_ARROWS) for (const i of all) this.drawArrow(g, i, 1);
      g.globalAlpha = 1;
    }
    for (const i of shown) this.drawArrow(g, i, 2);
  }

  /* Those to a span, and from it. */
  arrowsOf(i) {
    const t = this.t, found = t.by[i] >= 0 ? [i] : [];
    this.wakeups ??= wakeups(t);
    const list = this.wakeups.get(t.lane[i]) || [];
    let low = 0, high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (t.byAt[list[middle]] < t.begin[i]) low = middle + 1; else high = middle;
    }
    for (; low < list.length && t.byAt[list[low]] <= t.end[i] && found.length < 500; low++)
      if (waker(t, list[low]) === i || t.kind[i] === WAIT) found.push(list[low]);
    return found;
  }

  /* From who woke it to where it was ready, which may be long before its turn. */
  drawArrow(g, i, width) {
    const t = this.t, y0 = this.middle(t.by[i]), y1 = this.middle(t.lane[i]);
    if (y0 === null || y1 === null) return;
    const x = this.x(t.byAt[i]), bend = 14 + Math.min(26, Math.abs(y1 - y0) / 12);
    if (x < LABEL - 1 || x > this.w) return;
    g.strokeStyle = g.fillStyle = this.c.arrow;
    g.lineWidth = width;
    g.beginPath();
    g.moveTo(x + 1, y0);
    g.bezierCurveTo(x + bend, y0, x + bend, y1, x + 6, y1);
    g.stroke();
    g.beginPath();
    g.moveTo(x + 1, y1); g.lineTo(x + 7, y1 - 3.5); g.lineTo(x + 7, y1 + 3.5);
    g.fill();
  }

  drawSelection(g) {
    for (const [i, width] of [[this.hovered, 1], [this.selected, 2]]) {
      const y = i < 0 ? null : this.middle(this.t.lane[i]);
      if (y === null) continue;
      const x0 = this.x(this.t.begin[i]), x1 = Math.max(this.x(this.t.end[i]), x0 + 2);
      g.strokeStyle = this.c.select;
      g.lineWidth = width;
      g.strokeRect(x0 - 1, y - BAR / 2 - 1, x1 - x0 + 2, BAR + 2);
    }
  }

  /* --- Around the lanes --- */

  drawLabels(g, first, last) {
    g.save();
    g.beginPath(); g.rect(0, RULER, LABEL, this.h); g.clip();
    for (let row = first; row < last; row++) {
      const lane = this.t.lanes[this.rows[row]], y = this.y(row) + ROW / 2 + 0.5;
      const bad = lane.slowest >= this.threshold && this.threshold > 0;
      g.fillStyle = lane.loop ? this.c.panel : row % 2 ? this.c.paper : this.c.row;
      g.fillRect(0, this.y(row), LABEL, ROW);
      if (bad) { g.fillStyle = this.c.blocked; g.beginPath(); g.arc(8, y, 3, 0, 7); g.fill(); }
      const [name, rest] = lane.loop ? [`loop of ${lane.name || "a thread"}`, ""] : split(lane.name);
      g.fillStyle = this.c.ink;
      g.font = `${lane.loop ? 600 : 400} 12px system-ui, "DejaVu Sans", sans-serif`;
      this.write(g, [name], 18, y, LABEL - 26);
      const used = 18 + Math.min(g.measureText(name).width, LABEL - 26) + 7;
      g.fillStyle = this.c.dim;
      if (rest && LABEL - used > 20) this.write(g, [rest], used, y, LABEL - 6 - used);
    }
    g.restore();
    g.fillStyle = this.c.line;
    g.fillRect(LABEL - 1, 0, 1, this.h);
  }

  drawRuler(g) {
    const step = this.step();
    g.fillStyle = this.c.paper;
    g.fillRect(0, 0, this.w, RULER);
    g.font = '11px system-ui, "DejaVu Sans", sans-serif';
    for (let time = Math.ceil(this.from / step) * step; time < this.to; time += step) {
      const x = this.x(time);
      if (x < LABEL) continue;
      g.fillStyle = this.c.line;
      g.fillRect(Math.round(x), RULER - 7, 1, 7);
      g.fillStyle = this.c.dim;
      g.fillText(instant(time, step), x + 4, RULER - 12);
    }
    g.fillStyle = this.c.line;
    g.fillRect(0, RULER - 1, this.w, 1);
    if (!this.pointer) return;
    const said = instant(this.time(this.pointer), (this.to - this.from) / 1000), width = g.measureText(said).width;
    g.fillStyle = this.c.faint;
    g.fillRect(this.pointer, RULER, 1, this.h);
    g.fillStyle = this.c.ink;
    const x = Math.min(this.pointer, this.w - width - 24);
    g.beginPath(); g.roundRect(x - 1, 4, width + 12, 18, 4); g.fill();
    g.fillStyle = this.c.paper;
    g.fillText(said, x + 5, 13.5);
    g.fillStyle = this.c.dim;
  }

  drawOverview() {
    const g = this.overview.getContext("2d"), w = this.w - LABEL - 14, h = OVERVIEW - 8, t = this.t;
    g.clearRect(0, 0, this.w, OVERVIEW);
    g.font = '11px system-ui, "DejaVu Sans", sans-serif';
    g.fillStyle = this.c.dim;
    g.textBaseline = "middle";
    g.fillText("busy, whole trace", 18, OVERVIEW / 2);
    g.fillStyle = this.c.run;
    for (let px = 0; px < w; px++) {
      const from = Math.floor(px / w * BINS), to = Math.max(from + 1, Math.floor((px + 1) / w * BINS));
      let most = 0;
      for (let b = from; b < to; b++) most = Math.max(most, this.load[b]);
      if (most > 0) { const tall = Math.max(1.5, Math.min(1, most) * h); g.fillRect(LABEL + px, 4 + h - tall, 1, tall); }
    }
    const x = (time) => LABEL + time / (t.length || 1) * w;
    g.fillStyle = this.c.blocked;
    for (const i of this.slow) g.fillRect(x(t.begin[i]), 4, Math.max(2, x(t.end[i]) - x(t.begin[i])), h);
    const x0 = Math.max(LABEL, x(this.from)), x1 = Math.min(LABEL + w, x(this.to));
    g.fillStyle = this.c.ink;
    g.globalAlpha = 0.12;
    g.fillRect(LABEL, 0, x0 - LABEL, OVERVIEW); g.fillRect(x1, 0, LABEL + w - x1, OVERVIEW);
    g.globalAlpha = 1;
    g.strokeStyle = this.c.dim;
    g.strokeRect(x0 + 0.5, 0.5, Math.max(2, x1 - x0) - 1, OVERVIEW - 1);
  }

  /* --- What is where --- */

  overviewTime(x) { return (x - LABEL) / (this.w - LABEL - 14) * (this.t.length || 1); }

  rowAt(y) {
    const row = Math.floor((y - RULER + this.top) / ROW);
    return y >= RULER && row >= 0 && row < this.rows.length ? row : -1;
  }

  /* The span at a point of the canvas, or the nearest within three pixels; -1 if none is. */
  spanAt(x, y) {
    const row = this.rowAt(y), t = this.t;
    if (row < 0 || x < LABEL) return -1;
    const lane = t.lanes[this.rows[row]], reach = 3 * (this.to - this.from) / this.width(), time = this.time(x);
    let best = -1, distance = Infinity;
    for (let i = firstAfter(t, time - reach, lane.first, lane.end); i < lane.end && t.begin[i] <= time + reach; i++) {
      const away = t.begin[i] > time ? t.begin[i] - time : t.end[i] < time ? time - t.end[i] : 0;
      const rank = away + (isBusy(t, i) ? 0 : reach / 2); /* steps are thin: they go first */
      if (rank < distance) { distance = rank; best = i; }
      if (i - lane.first > 5000 && away > 0) break;
    }
    return best;
  }

  /* Brings a span into sight: at `times` its length, or, where that is 0, no nearer than it is. */
  reveal(i, times) {
    const t = this.t, row = this.rowOf[t.lane[i]], took = t.end[i] - t.begin[i], length = this.to - this.from;
    if (row >= 0) {
      const y = row * ROW, sight = this.room() - ROW;
      if (y < this.top || y > this.top + sight) this.top = Math.max(0, Math.min(y - sight / 2, this.height() - this.room()));
    }
    const middle = (t.begin[i] + t.end[i]) / 2, wide = Math.max(took * (times || 2.5), 2000);
    if (took > length || (times && took > 0)) this.show(middle - wide / 2, middle + wide / 2);
    else if (t.begin[i] < this.from || t.end[i] > this.to) this.show(middle - length / 2, middle + length / 2);
  }
}

/* "Task-3 call_api()": the task's name, and what it runs. */
function split(name) {
  const at = name.lastIndexOf(" ");
  return at < 0 ? [name, ""] : [name.slice(0, at), name.slice(at + 1)];
}

function niceStep(least) {
  let step = 1;
  for (let i = 0; step < least; i++) step *= i % 3 === 1 ? 2.5 : 2;
  return step;
}

/* A time, as fine as steps of this length need it. */
function instant(time, step) {
  const [unit, name] = Math.abs(time) >= 1e9 || step >= 1e8 ? [1e9, "s"] : Math.abs(time) >= 1e6 || step >= 1e5 ? [1e6, "ms"]
    : Math.abs(time) >= 1e3 || step >= 100 ? [1e3, "µs"] : [1, "ns"];
  const digits = Math.max(0, Math.min(9, Math.ceil(Math.log10(unit / step))));
  return `${(time / unit).toFixed(time === 0 ? 0 : digits)} ${name}`;
}
