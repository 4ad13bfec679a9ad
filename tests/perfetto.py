"""Reads a trace in Perfetto's format, by the public definition alone: nothing in here was taken from
the writer or from the tools.

Packets as dictionaries {field number: [values]}, and a Trace made of them as Perfetto's own reader
does it: sequences with their interned names, tracks, nested slices, flows."""
import struct
from dataclasses import dataclass, field


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def message(data):
    """{number: [values]}: integers, or bytes."""
    fields, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("field 0")
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            value, at = struct.unpack_from("<Q", data, at)[0], at + 8
        elif kind == 2:
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
            if len(value) != size:
                raise ValueError("cut short")
        elif kind == 5:
            value, at = struct.unpack_from("<I", data, at)[0], at + 4
        else:
            raise ValueError(f"wire type {kind}")
        fields.setdefault(number, []).append(value)
    return fields


@dataclass
class Slice:
    track: int
    name: str
    begin: int
    end: int = None  # None: open at the end of the trace
    place: tuple = None  # file, line, function
    then: str = None
    flows_in: list = field(default_factory=list)
    flows_out: list = field(default_factory=list)
    depth: int = 0
    category: str = None  # step, parked, callback, wait


@dataclass
class Track:
    uuid: int
    name: str = ""
    parent: int = None
    thread: str = None
    process: str = None
    pid: int = None
    slices: list = field(default_factory=list)
    instants: list = field(default_factory=list)


class Sequence:
    def __init__(self):
        self.names, self.annotations, self.places, self.categories = {}, {}, {}, {}
        self.valid = False


def text(fields, number):
    return fields[number][0].decode() if number in fields else ""


class Trace:
    """What a viewer would show."""

    def __init__(self, data):
        self.tracks, self.flows, self.packets = {}, [], 0
        self.sequences, self.open, self.active = {}, {}, {}
        events = []
        for raw in message(data).get(1, []):
            self.packets += 1
            self.packet(message(raw), events)
        for time, _, event, sequence in sorted(events, key=lambda e: e[:2]):
            self.event(time, event, sequence)

    def packet(self, p, events):
        sequence = self.sequences.setdefault(p.get(10, [0])[0], Sequence())
        flags = p.get(13, [0])[0]
        if flags & 1:
            sequence.__init__()
            sequence.valid = True
        if flags & 2 and not sequence.valid:
            return
        for data in map(message, p.get(12, [])):
            for number, table in ((1, sequence.categories), (2, sequence.names), (3, sequence.annotations)):
                for entry in map(message, data.get(number, [])):
                    table[entry[1][0]] = text(entry, 2)
            for entry in map(message, data.get(4, [])):
                sequence.places[entry[1][0]] = (text(entry, 2), entry[4][0], text(entry, 3))
        for track in map(message, p.get(60, [])):
            self.describe(track)
        for event in map(message, p.get(11, [])):
            assert sequence.valid or not flags & 2
            events.append((p[8][0], len(events), event, sequence))

    def describe(self, d):
        track = self.tracks.setdefault(d[1][0], Track(d[1][0]))
        track.name = text(d, 2) or track.name
        track.parent = d.get(5, [track.parent])[0]
        for thread in map(message, d.get(4, [])):
            track.thread, track.pid = text(thread, 5), thread[1][0]
        for process in map(message, d.get(3, [])):
            track.process, track.pid = text(process, 6), process[1][0]

    def event(self, time, e, sequence):
        track = self.tracks[e[11][0]]
        kind, stack = e[9][0], self.open.setdefault(track.uuid, [])
        if kind == 2:
            slice_ = stack.pop()
            slice_.end = time
        else:
            slice_ = Slice(track.uuid, sequence.names.get(e[10][0], "?"), time, depth=len(stack))
            if 3 in e:
                slice_.category = sequence.categories[e[3][0]]
            if 34 in e:
                slice_.place = sequence.places.get(e[34][0])
            (track.slices if kind == 1 else track.instants).append(slice_)
            if kind == 1:
                stack.append(slice_)
        for annotation in map(message, e.get(4, [])):
            assert sequence.annotations[annotation[1][0]] == "then"
            slice_.then = text(annotation, 6)
        for flow in e.get(47, []):
            self.active[flow] = slice_
        for flow in e.get(48, []):
            source = self.active.pop(flow)  # a flow that nobody has begun
            self.flows.append((source, slice_))
            source.flows_out.append(slice_)
            slice_.flows_in.append(source)

    def tasks(self):
        """Those below a thread, as they were made."""
        return [t for t in self.tracks.values() if t.thread is None and t.process is None]

    def threads(self):
        return [t for t in self.tracks.values() if t.thread is not None]

    def task(self, name):
        return next(t for t in self.tasks() if t.name == name)


def read(path):
    with open(path, "rb") as file:
        return Trace(file.read())
