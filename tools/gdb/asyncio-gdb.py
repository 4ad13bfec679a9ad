"""asyncio in gdb: the tasks of a program and their stacks, of a process or a core file.

    info asyncio-tasks      all tasks: what each waits for, and where
    asyncio bt N|NAME|all   the backtrace of a task, without what is the library's own
    asyncio task N|NAME     bt, frame, up, info locals … are about this task from here on
    asyncio task off        about the thread again

Where things lie the library says itself, in a note of its ELF file (src/inspect/layout.h): no debug
information of the library is needed."""
import struct

import gdb
import gdb.unwinder

OWNER, NOTE, VERSION = b"asyncio\0", 1, 1
PT_LOAD, PT_NOTE = 1, 4
ADDRESS = (1 << 48) - 1  # of a handle: above is its generation
BODY, TRAMPOLINE = "asyncio__body_", "asyncio__await_"
MOST = 1 << 20  # members of a list: a broken one ends

# struct ai_inspect: a head, then 16 bits each, but for the bytes of `object`.
HEAD = struct.Struct("<8sHHB3x16sQQQ")
GROUPS = {
    "thread": "link tid loop task tasks",
    "loop": "backend asked head tail end polls submitted",
    "object": "type handle waiters state flags tasks name pending_done is_task_ unused_ unused__",
    "type": "name file line kind await step holder waits stands_for",
    "coroutine": "task parent place",
    "task": "sp place waiting root top since low high size",
    "place": "file function line",
    "call": "fd",
    "caller": "line locked holder",
    "waits": "form depth through at count stride object",
}
# What the switch has saved at a parked task's stack pointer, in this order; and its size.
SAVED = {
    1: (["r15", "r14", "r13", "r12", "rbx", "rbp", "rip"], 56),
    2: ([f"x{n}" for n in range(19, 31)], 160),
}


class Trouble(Exception):
    pass


# --- Memory ---


def read(address, size):
    try:
        return bytes(gdb.selected_inferior().read_memory(address, size))
    except (gdb.MemoryError, OverflowError):
        raise Trouble(f"memory at {address:#x} cannot be read") from None


def number(address, format="Q"):
    return struct.unpack("<" + format, read(address, struct.calcsize(format)))[0]


def string(address):
    text = bytearray()
    while address and len(text) < 256 and (c := read(address + len(text), 1)) != b"\0":
        text += c
    return text.decode(errors="replace")


# --- The layout ---


def notes(base):
    """The notes of the file that is mapped here by its first byte: owner, type, address."""
    head = read(base, 64)
    if head[:5] != b"\x7fELF\x02":
        return
    offset, = struct.unpack_from("<Q", head, 32)
    size, count = struct.unpack_from("<HH", head, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", read(base + offset + i * size, 56)) for i in range(count)]
    bias = next((base - h[3] + h[2] for h in headers if h[0] == PT_LOAD), 0)
    for header in headers:
        at, end = bias + header[3], bias + header[3] + header[6]
        while header[0] == PT_NOTE and at + 12 <= end:
            name, content, kind = struct.unpack("<III", read(at, 12))
            yield read(at + 12, name), kind, at + 12 + (name + 3 & ~3)
            at += 12 + (name + 3 & ~3) + (content + 3 & ~3)


def mapped_files():
    """Where files are mapped by their first byte."""
    for line in gdb.execute("info proc mappings", to_string=True).splitlines():
        words = line.split()
        if len(words) >= 4 and words[0].startswith("0x") and words[-1].startswith("/"):
            if int(words[3], 16) == 0:
                yield int(words[0], 16)


class Layout:
    def __init__(self):
        for base in mapped_files():
            try:
                found = [at for owner, kind, at in notes(base) if (owner, kind) == (OWNER, NOTE)]
            except Trouble:
                continue
            if found:
                return self.take(found[0] + number(found[0], "q"))
        raise Trouble("there is no libasyncio in this program")

    def take(self, at):
        names = [(group, name) for group, names in GROUPS.items() for name in names.split()]
        magic, version, size, self.machine, library, *addresses = HEAD.unpack(read(at, HEAD.size))
        self.threads, self.call_step, self.lock_holder = addresses
        rest = struct.Struct(f"<{len(names)}H")
        if magic != OWNER or version != VERSION or size != (HEAD.size + rest.size + 7 & ~7):
            raise Trouble(f"it has libasyncio {library.rstrip(bytes(1)).decode()}, which this does not know")
        for (group, name), value in zip(names, rest.unpack(read(at + HEAD.size, rest.size))):
            setattr(self, f"{group}_{name}", value)
        self.object_pending = self.object_pending_done & 255


# --- Tasks ---


class Task:
    def __init__(self, layout, thread, address):
        self.layout, self.thread, self.address = layout, thread, address
        l, type = layout, number(address + layout.object_type)
        at = number(type + l.type_stands_for, "H")
        shown = at and number(address + at) or type
        name = number(address + l.object_name)
        self.name = f"Task-{name >> 1}" if name & 1 else string(name)
        self.coroutine = string(number(shown + l.type_name))
        is_coroutine = number(type + l.type_await)
        self.record = number(address + l.coroutine_task) if is_coroutine else 0
        self.waiting = number(self.record + l.task_waiting) if self.record else 0
        self.runs = self.record and self.record == number(thread + l.thread_task)
        self.tid = number(thread + l.thread_tid, "i")

    def calls(self):
        """Its coroutines, the innermost first: function, file, line."""
        l = self.layout
        if not self.record:
            return
        c, root = number(self.record + l.task_top), number(self.record + l.task_root)
        place = number(self.record + l.task_place)
        for _ in range(MOST):
            type = number(c + l.object_type)
            name = string(number(type + l.type_name))
            if place:
                yield name, string(number(place + l.place_file)), number(place + l.place_line, "i")
            else:
                yield name, string(number(type + l.type_file)), number(type + l.type_line, "i")
            if c == root:
                return
            place = number(c + l.coroutine_place)
            c = number(c + l.coroutine_parent)

    def state(self, names):
        l = self.layout
        if self.runs:
            return "running"
        if not self.record and number(number(self.address + l.object_type) + l.type_await):
            return "ready"
        object = self.waiting if self.record else self.address
        if not object or number(object + l.object_state, "B") != l.object_pending:
            return "ready"
        type = number(object + l.object_type)
        what = string(number(type + l.type_name))
        if object != self.address and object in names:
            what = f"task {names[object]}"
        elif number(type + l.type_step) == l.call_step:
            what += f"(fd {number(object + l.call_fd, 'i')})"
        elif number(type + l.type_holder) == l.lock_holder:
            line = number(object + l.caller_line)
            holder = names.get(number(line + l.caller_holder) & ADDRESS)
            if holder and number(line + l.caller_locked, "B"):
                what += f", held by {holder}"
        return f"waiting for {what}"


def members(head):
    link = number(head)
    for _ in range(MOST):
        if link in (0, head):
            return
        yield link
        link = number(link)


def all_tasks():
    layout = Layout()
    return [Task(layout, thread, link - layout.object_tasks)
            for thread in (link - layout.thread_link for link in members(layout.threads))
            if number(thread + layout.thread_loop)
            for link in members(thread + layout.thread_tasks)]


def find(word):
    tasks = all_tasks()
    if word.isdigit() and 1 <= int(word) <= len(tasks):
        return tasks[int(word) - 1]
    named = [task for task in tasks if task.name == word]
    if not named:
        raise Trouble(f"there is no task {word}: see info asyncio-tasks")
    return named[0]


# --- Stacks ---


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class ParkedTask(gdb.unwinder.Unwinder):
    """Puts a parked task's frames behind the innermost frame of its thread, which stays #0."""

    def __init__(self):
        super().__init__("asyncio task")
        self.sp = self.machine = self.below = None

    def __call__(self, frame):
        if self.sp is None:
            return None
        sp, pc = ("rsp", "rip") if self.machine == 1 else ("sp", "pc")
        if int(frame.read_register(sp)) != self.below:
            return None
        word = gdb.lookup_type("unsigned long")
        # As if it were on the task's stack: gdb holds frames that lead to a lower one for broken.
        stack = gdb.Value(self.sp).cast(word)
        info = frame.create_unwind_info(FrameId(stack, frame.read_register(pc)))
        names, size = SAVED[self.machine]
        for i, name in enumerate(names):
            info.add_saved_register(name, gdb.Value(number(self.sp + 8 * i)).cast(word))
        if self.machine == 2:
            info.add_saved_register("pc", gdb.Value(number(self.sp + 8 * 11)).cast(word))
        info.add_saved_register(sp, gdb.Value(self.sp + size).cast(word))
        return info

    def look_at(self, task):
        self.sp = None
        gdb.invalidate_cached_frames()
        if task is None:
            return
        if task.layout.machine not in SAVED:
            raise Trouble("this build switches stacks by ucontext, which is not known here")
        self.machine = task.layout.machine
        select_thread(task)
        self.below = int(gdb.newest_frame().read_register("rsp" if self.machine == 1 else "sp"))
        self.sp = number(task.record + task.layout.task_sp)
        gdb.invalidate_cached_frames()


parked = ParkedTask()
gdb.unwinder.register_unwinder(None, parked, replace=True)


def select_thread(task):
    for thread in gdb.selected_inferior().threads():
        if thread.ptid[1] == task.tid or thread.ptid[0] == task.tid:
            thread.switch()
            return


def frames():
    """The names of the frames, the innermost first, and their lines as bt prints them."""
    lines = []
    for line in gdb.execute("bt", to_string=True).splitlines():
        if line.startswith("#"):
            lines.append(line)
        elif lines:
            lines[-1] += " " + line.strip()
    frame, names = gdb.newest_frame(), []
    while frame and len(names) < len(lines):
        names.append(frame.name() or "")
        frame = frame.older()
    return zip(names, lines)


def user_frames(task):
    """As the asyncio command shows them: what the library has on the stack is left out."""
    awaiting = [call[0] for call in task.calls()]
    skipping = not task.runs
    for name, line in frames():
        if name.startswith(TRAMPOLINE):
            skipping = True
            continue
        plain = name.removeprefix(BODY)
        if skipping and (not awaiting or plain != awaiting[0]):
            continue
        skipping = False
        if name.startswith(BODY) and awaiting:
            awaiting.pop(0)
        yield line.replace(BODY, "")


def backtrace(task):
    print(f"{task.name} ({task.coroutine})")
    if not task.record:
        print("  it has no stack: it has not begun, or is an operation")
        return
    try:
        if task.runs:
            select_thread(task)
        else:
            parked.look_at(task)
        for i, line in enumerate(user_frames(task)):
            print(f"#{i:<3}" + line.split(maxsplit=1)[1])
    finally:
        parked.look_at(None)


# --- Commands ---


def guarded(command):
    def invoke(self, argument, from_tty):
        try:
            command(self, argument.strip())
        except Trouble as trouble:
            raise gdb.GdbError(str(trouble)) from None
    return invoke


class InfoTasks(gdb.Command):
    """All asyncio tasks: what each waits for, and where."""

    def __init__(self):
        super().__init__("info asyncio-tasks", gdb.COMMAND_STATUS)

    @guarded
    def invoke(self, argument):
        tasks = all_tasks()
        names = {task.address: task.name for task in tasks}
        rows = [("Id", "Name", "Coroutine", "State", "Where")]
        for i, task in enumerate(tasks, 1):
            call = next(task.calls(), None)
            where = f"{call[1].rsplit('/', 1)[-1]}:{call[2]}" if call else ""
            rows.append((f"{'*' if task.runs else ' '} {i}", task.name, task.coroutine,
                         task.state(names), where))
        widths = [max(map(len, column)) for column in zip(*rows)]
        for row in rows:
            print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths)).rstrip())


class Asyncio(gdb.Command):
    """Looking at asyncio tasks: asyncio bt, asyncio task, info asyncio-tasks."""

    def __init__(self):
        super().__init__("asyncio", gdb.COMMAND_STACK, prefix=True)


class Backtrace(gdb.Command):
    """asyncio bt N|NAME|all: the backtrace of a task, or of all."""

    def __init__(self):
        super().__init__("asyncio bt", gdb.COMMAND_STACK)

    @guarded
    def invoke(self, argument):
        thread = gdb.selected_thread()
        for task in all_tasks() if argument in ("", "all") else [find(argument)]:
            backtrace(task)
        if thread:
            thread.switch()


class Select(gdb.Command):
    """asyncio task N|NAME: bt, frame, up, info locals and so on are about this task from here on.
    asyncio task off: about the thread again, as after the program has gone on."""

    def __init__(self):
        super().__init__("asyncio task", gdb.COMMAND_STACK)

    @guarded
    def invoke(self, argument):
        if argument in ("", "off"):
            parked.look_at(None)
            return
        task = find(argument)
        if task.runs or not task.record:
            parked.look_at(None)
            select_thread(task)
            return
        parked.look_at(task)
        wanted = next(task.calls())[0]
        frame = gdb.newest_frame()
        while frame and (frame.name() or "").removeprefix(BODY) != wanted:
            frame = frame.older()
        if frame:
            frame.select()
            gdb.execute("frame")


def forget(event):
    parked.sp = None


InfoTasks()
Asyncio()
Backtrace()
Select()
gdb.events.cont.connect(forget)
