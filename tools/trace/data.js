"use strict";
/* The trace in typed arrays. Spans are numbered through, lane by lane, in the order of time; a lane
 * is [first, end) of them. Times are nanoseconds, in doubles. */

const STEP = 0, PARKED = 1, CALLBACK = 2, WAIT = 3;

function base64(text) {
  const value = new Uint8Array(128);
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (let i = 0; i < 64; i++) value[digits.charCodeAt(i)] = i;
  const size = text.length / 4 * 3 | 0, bytes = new Uint8Array(size);
  for (let i = 0, at = 0; i + 3 < text.length; i += 4, at += 3) {
    const v = value[text.charCodeAt(i)] << 18 | value[text.charCodeAt(i + 1)] << 12 |
      value[text.charCodeAt(i + 2)] << 6 | value[text.charCodeAt(i + 3)];
    bytes[at] = v >> 16; bytes[at + 1] = v >> 8; bytes[at + 2] = v;
  }
  return bytes;
}

function decode(meta, bytes) {
  const n = meta.spans;
  const t = {
    process: meta.process, length: meta.end, cut: meta.cut, strings: meta.strings, count: n,
    begin: new Float64Array(n), end: new Float64Array(n), kind: new Uint8Array(n),
    open: new Uint8Array(n), name: new Int32Array(n), place: new Int32Array(n).fill(-1),
    then: new Int32Array(n).fill(-1), by: new Int32Array(n).fill(-1), byAt: new Float64Array(n),
    lane: new Int32Array(n),
    ran: new Float64Array(n + 1), /* how long steps and callbacks before this one took, in its lane */
    lanes: [],
  };
  let at = 0, i = 0;
  const varint = () => {
    let v = 0, factor = 1, byte;
    do {
      byte = bytes[at++];
      v += (byte & 127) * factor;
      factor *= 128;
    } while (byte > 127);
    return v;
  };
  meta.lanes.forEach(([name, parent, made, madeBy, place, count], index) => {
    const lane = {index, name, parent, made, madeBy, place, first: i, end: i + count, loop: parent < 0,
                  run: 0, steps: 0, slowest: 0, latest: 0};
    let time = 0, ran = 0;
    for (; i < lane.end; i++) {
      t.lane[i] = index;
      t.begin[i] = time += varint();
      t.end[i] = time += varint();
      const bits = varint();
      t.kind[i] = bits & 3;
      t.open[i] = bits >> 2 & 1;
      t.name[i] = varint();
      if (bits & 8) t.place[i] = varint();
      if (bits & 16) t.then[i] = varint();
      if (bits & 32) {
        t.by[i] = varint();
        t.byAt[i] = t.begin[i] - varint();
      }
      t.ran[i] = ran;
      if (t.kind[i] === STEP || t.kind[i] === CALLBACK) {
        const took = t.end[i] - t.begin[i];
        ran += took;
        lane.steps++;
        if (took > lane.slowest) lane.slowest = took;
        if (t.by[i] >= 0 && t.begin[i] - t.byAt[i] > lane.latest) lane.latest = t.begin[i] - t.byAt[i];
      }
    }
    lane.run = ran;
    lane.alive = made >= 0 ? made : count ? t.begin[lane.first] : 0;
    lane.gone = count ? t.end[lane.end - 1] : 0;
    t.lanes.push(lane);
  });
  return t;
}

const isBusy = (t, i) => t.kind[i] === STEP || t.kind[i] === CALLBACK;

/* The `most` spans with the greatest value(i), the greatest first; those of none are left out. */
function greatest(t, most, value) {
  const values = new Float64Array(t.count);
  for (let i = 0; i < t.count; i++) values[i] = value(i);
  const least = values.slice().sort()[Math.max(0, t.count - most)], found = [];
  for (let i = 0; i < t.count; i++) if (values[i] > 0 && values[i] >= least) found.push(i);
  return found.sort((a, b) => values[b] - values[a]).slice(0, most);
}

const busyTime = (t, i) => isBusy(t, i) ? t.end[i] - t.begin[i] : 0;

/* How long it was ready before its turn came. */
const lateness = (t, i) => isBusy(t, i) && t.by[i] >= 0 ? t.begin[i] - t.byAt[i] : 0;

/* By lane, the spans that were woken from it, in the order of time. */
function wakeups(t) {
  const of = new Map();
  for (let i = 0; i < t.count; i++) {
    if (t.by[i] < 0) continue;
    const list = of.get(t.by[i]);
    if (list) list.push(i); else of.set(t.by[i], [i]);
  }
  for (const list of of.values()) list.sort((a, b) => t.byAt[a] - t.byAt[b]);
  return of;
}

/* The first span of [from, to) that ends after a time. */
function firstAfter(t, time, from, to) {
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (t.end[middle] > time) to = middle; else from = middle + 1;
  }
  return from;
}

/* Who woke a span: the span that was under way in the waker's lane at that time, or -1. */
function waker(t, i) {
  if (t.by[i] < 0) return -1;
  const lane = t.lanes[t.by[i]], at = t.byAt[i];
  let k = firstAfter(t, at, lane.first, lane.end);
  /* It ended at that very time, or is one that took none. */
  while (k > lane.first && t.end[k - 1] >= at && (k === lane.end || t.begin[k] >= at || !isBusy(t, k))) {
    k--;
    if (isBusy(t, k)) break;
  }
  return k < lane.end && t.begin[k] <= at ? k : -1;
}

const text = (t, s) => s < 0 ? "" : t.strings[s];

function duration(ns) {
  const [value, unit] = ns >= 1e9 ? [ns / 1e9, "s"] : ns >= 1e6 ? [ns / 1e6, "ms"]
    : ns >= 1e3 ? [ns / 1e3, "µs"] : [ns, "ns"];
  return `${+value.toPrecision(4)} ${unit}`;
}

const number = (n) => n.toLocaleString("en");
