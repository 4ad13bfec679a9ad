"""A browser without a screen, driven by its DevTools protocol over a pair of pipes."""
import base64
import contextlib
import json
import os
import struct
import subprocess
import tempfile
import zlib

LIMIT = 60  # seconds


class Browser:
    def __init__(self, program, width=1440, height=800):
        self.place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        (in_, self.to), (self.from_, out) = os.pipe(), os.pipe()
        options = ["--headless", "--disable-gpu", "--no-sandbox", "--disable-dev-shm-usage",
                   "--disable-background-networking", "--remote-debugging-pipe",
                   f"--user-data-dir={self.place.name}/profile", f"--window-size={width},{height}"]

        # It reads from descriptor 3 and writes to 4, whatever they are here.
        command = ["sh", "-c", f'exec 8<&{in_} 9>&{out}; exec 3<&8 4>&9 8<&- 9>&-; exec "$@"', "sh"]
        self.process = subprocess.Popen(
            [*command, program, *options, "about:blank"], pass_fds=(in_, out),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            env={**os.environ, "HOME": self.place.name, "LSAN_OPTIONS": ""})
        os.close(in_)
        os.close(out)
        self.buffer, self.last, self.events, self.session = b"", 0, [], None
        target = self.call("Target.getTargets")["targetInfos"][0]["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in "Page", "Runtime", "Network", "Log":
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        with contextlib.suppress(AssertionError, OSError):
            self.session = None
            self.call("Browser.close")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=LIMIT)
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.from_)
        self.place.cleanup()

    def message(self):
        while b"\0" not in self.buffer:
            data = os.read(self.from_, 1 << 20)
            assert data, "the browser has gone"
            self.buffer += data
        text, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(text)

    def call(self, method, **params):
        self.last += 1
        request = {"id": self.last, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        while True:
            answer = self.message()
            if answer.get("id") == self.last:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def open(self, url):
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self.message())

    def evaluate(self, expression):
        """The value; a promise's when it has one."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def drawn(self):
        """Waits until what was asked for is on the screen."""
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def click(self, x, y, times=1):
        self.move(x, y)
        for kind in "mousePressed", "mouseReleased":
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=times)
        self.drawn()

    def move(self, x, y):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.drawn()

    def wheel(self, x, y, down, control=False):
        self.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=down,
                  modifiers=2 if control else 0)
        self.drawn()

    def key(self, key, text=""):
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=text or (key if len(key) == 1 else ""))
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)
        self.drawn()

    def photograph(self):
        """A PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def complaints(self):
        """What the page threw or had logged."""
        return [e for e in self.events if e.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")]

    def asked_for(self):
        return [e["params"]["request"]["url"] for e in self.events
                if e.get("method") == "Network.requestWillBeSent"]


def pixels(png):
    """(width, height, rows of bytes, bytes a pixel) of a PNG of eight bits a channel."""
    at, data = 8, b""
    while at < len(png):
        size, kind = struct.unpack_from(">I4s", png, at)
        body = png[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack_from(">IIBB", body)
        elif kind == b"IDAT":
            data += body
        at += 12 + size
    assert depth == 8 and colour in (2, 6)
    per, raw = (3, 4)[colour == 6], zlib.decompress(data)
    rows, before, stride = [], bytes(width * per), width * per
    for y in range(height):
        filter_, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for i in range(stride):
            left, up = line[i - per] if i >= per else 0, before[i]
            corner = before[i - per] if i >= per else 0
            if filter_ == 1:
                line[i] = (line[i] + left) & 255
            elif filter_ == 2:
                line[i] = (line[i] + up) & 255
            elif filter_ == 3:
                line[i] = (line[i] + (left + up) // 2) & 255
            elif filter_ == 4:
                guess = left + up - corner
                a, b, c = abs(guess - left), abs(guess - up), abs(guess - corner)
                line[i] = (line[i] + (left if a <= b and a <= c else up if b <= c else corner)) & 255
        rows.append(bytes(line))
        before = rows[-1]
    return width, height, rows, per


def count_colour(png, colour):
    """How many pixels have that very colour, (red, green, blue)."""
    _, _, rows, per = pixels(png)
    wanted = bytes(colour)
    return sum(row[i : i + 3] == wanted for row in rows for i in range(0, len(row), per))
