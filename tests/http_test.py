#!/usr/bin/env python3
"""The HTTP server and the fetcher of examples/http/ with those they are made for: curl, wrk,
openssl, a browser; and with those they have to bear.

usage: http_test.py DIRECTORY [KEEP]

DIRECTORY is where the programs were built. What the clients saw and printed goes to KEEP.
"""
import contextlib
import http.client
import os
import pathlib
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import zlib

from programs import (
    LIMIT, PROGRAMS, Program, keep, make_certificate, need, need_tls, run, run_tests, wrk)

def png(width, height, colour):
    """An image of one colour."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    rows = (b"\0" + bytes(colour) * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


PAGE = """<!doctype html>
<html lang="en">
<title>asyncio</title>
<link rel="stylesheet" href="style.css">
<h1>Served by asyncio for C</h1>
<p><img src="images/red.png" alt="red"> <span id="said">the script did not run</span>
<script src="script.js"></script>
"""
STYLE = "body { background: #204060; color: white; font: 24px sans-serif; margin: 40px }\n"
SCRIPT = """addEventListener("load", () => {
    const image = document.querySelector("img");
    document.getElementById("said").textContent =
        `the script ran: image ${image.naturalWidth}x${image.naturalHeight}, ` +
        `background ${getComputedStyle(document.body).backgroundColor}`;
});
"""
HUGE = 1 << 26  # more than the kernel takes from a server without anybody reading it
BIG = os.urandom(1 << 20) * 3 + b"the end"


def make_site(place):
    root = place / "root"
    (root / "images").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "index.html").write_text(PAGE)
    (root / "style.css").write_text(STYLE)
    (root / "script.js").write_text(SCRIPT)
    (root / "images" / "red.png").write_bytes(png(120, 90, (200, 30, 40)))
    (root / "images" / "index.html").write_text("images")
    (root / "big").write_bytes(BIG)
    (root / "nothing.txt").write_text("")
    (root / "a b&ü.txt").write_text("odd name")
    (root / "private").write_text("private")
    (place / "secret").write_text("secret")
    (root / "out").symlink_to("../secret")
    (root / "in").symlink_to("style.css")
    (root / "loop").symlink_to("loop")
    (root / "etc").symlink_to("/etc")
    os.mkfifo(root / "pipe")
    return root


class Site:
    """A server on a site of its own, and what to expect of it when it ends."""

    def __init__(self, backend, *options, tls=False):
        if tls:
            need_tls()
        self.temporary = tempfile.TemporaryDirectory()
        self.place = pathlib.Path(self.temporary.name)
        self.root = make_site(self.place)
        self.scheme = "https" if tls else "http"
        if tls:
            self.cert, self.key = make_certificate(self.place)
            options += ("--tls", self.cert, self.key)
        self.program = Program(backend, "http-server", "-p", 0, *options, self.root)

    def __enter__(self):
        self.port = self.program.port()
        self.url = f"{self.scheme}://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *failure):
        with self.temporary, self.program:
            if not failure[0]:
                status, rest = self.program.stop()
                assert status == 0, f"the server ended with {status}: {rest}"

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT)

    def curl(self, *args, **options):
        return run(need("curl"), "-sS", "--path-as-is", "--max-time", LIMIT, *args, **options)

    def exchange(self, request, cut=None):
        """All that comes back for these bytes."""
        with self.connect() as s:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                s.sendall(request)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while data := s.recv(1 << 16):
                    answer += data
            return answer


def status_of(answer):
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(found[1]) if found else None


# --- curl ----------------------------------------------------------------------------------------


def curl_gets_a_page(backend):
    with Site(backend) as site:
        text = site.curl("-v", site.url + "/")
        keep(f"curl-{backend}.txt", text)
        for line in ("< HTTP/1.1 200 OK", "< Content-Type: text/html; charset=utf-8",
                     f"< Content-Length: {len(PAGE)}", "<h1>Served by asyncio for C</h1>"):
            assert line in text, text
        assert site.program.until("200")[-1] == f'127.0.0.1 "GET /" 200 {len(PAGE)}'


def curl_keeps_a_connection(backend):
    with Site(backend) as site:
        urls = [site.url + f"/style.css?{i}" for i in range(20)]
        text = site.curl("-w", "%{num_connects} %{http_code}\n", *urls)
        assert text.count(STYLE + "0 200\n") == 19 and text.count(STYLE + "1 200\n") == 1, text
        text = site.curl("-v", "-H", "Connection: close", site.url + "/style.css")
        assert "< Connection: close" in text and "Closing connection" in text, text
        text = site.curl("-v", "--http1.0", site.url + "/style.css", site.url + "/style.css")
        assert text.count("< Connection: close") == 2 and text.count(STYLE) == 2, text


def curl_asks_for_parts(backend):
    with Site(backend) as site:
        url, copy = site.url + "/big", site.place / "copy"
        assert site.curl("-r", "-7", url) == "the end"
        text = site.curl("-D-", "-r", f"{len(BIG) - 7}-{len(BIG) - 5}", url)
        assert text.startswith("HTTP/1.1 206") and text.endswith("\r\n\r\nthe"), text
        assert f"Content-Range: bytes {len(BIG) - 7}-{len(BIG) - 5}/{len(BIG)}\r\n" in text
        text = site.curl("-D-", "-o", os.devnull, "-r", f"{len(BIG)}-", url)
        assert text.startswith("HTTP/1.1 416") and f"bytes */{len(BIG)}\r\n" in text, text
        for odd in ("0-1,3-4", "5-2", "x", "", "1-2-3"):
            code = site.curl("-o", os.devnull, "-w", "%{http_code}", "-H", f"Range: bytes={odd}", url)
            assert code == "200", (odd, code)
        copy.write_bytes(BIG[:1234567])
        site.curl("-C", "-", "-o", copy, url)
        assert copy.read_bytes() == BIG
        tag = re.search('ETag: (".*")', site.curl("-I", url))[1]
        for validator, code in ((tag, "206"), ('"other"', "200")):
            assert site.curl("-o", os.devnull, "-w", "%{http_code}", "-r", "0-1", "-H",
                             f"If-Range: {validator}", url) == code


def curl_asks_whether_it_changed(backend):
    with Site(backend) as site:
        url, file = site.url + "/style.css", site.root / "style.css"
        tag = re.search('ETag: (".*")', site.curl("-I", url))[1]
        head = site.curl("-I", "-H", f'If-None-Match: "x", W/{tag}', url)
        assert head.startswith("HTTP/1.1 304") and tag in head and "Content-Length" not in head, head
        assert site.curl("-I", "-z", file, url).startswith("HTTP/1.1 304")
        assert site.curl("-I", "-z", "1 Jan 2000", url).startswith("HTTP/1.1 200")
        file.write_text("changed")
        assert site.curl("-H", f"If-None-Match: {tag}", url) == "changed"
        head = site.curl("-I", url)
        assert head.startswith("HTTP/1.1 200") and "Content-Length: 7\r\n" in head, head


TARGETS = {
    "/": 200, "/index.html": 200, "/?query": 200, "//style.css": 200, "/in": 200,
    "/images/../style.css": 200, "/images/%2e%2e/style.css": 200, "/nothing.txt": 200,
    "/a%20b%26%c3%bc.txt": 200, "/images/": 200, "/images": 301, "/images?q": 301, "//images": 301,
    "/nope": 404, "/style.css/": 404, "/style.css/x": 404, "/empty/": 404, "/loop": 404,
    "/" + "x" * 300: 404, "/" + "x/" * 3000: 400,
    "/../secret": 403, "/%2e%2e/secret": 403, "/..%2fsecret": 403, "/%2f%2fstyle.css": 200, "/images/../../secret": 403,
    "/out": 403, "/etc/passwd": 403, "/etc": 403, "/pipe": 403,
    "/style.css%00": 400, "/%": 400, "/%4": 400, "/%zz": 400, "/%2": 400,
}


def targets_stay_within_the_root(backend):
    with Site(backend, "-q") as site:
        for target, wanted in TARGETS.items():
            code = site.curl("-o", os.devnull, "-w", "%{http_code} %{redirect_url}",
                             site.url + target).split()
            assert code[0] == str(wanted), f"{target}: {code} instead of {wanted}"
            assert wanted != 301 or code[1] == site.url + "/images/" + target.partition("images")[2], code
        if os.geteuid() != 0:
            (site.root / "private").chmod(0)
            assert status_of(site.exchange(get("/private", "Connection: close"))) == 403


def get(target, *headers, version="1.1"):
    lines = [f"GET {target} HTTP/{version}", "Host: x", *headers, "", ""]
    return "\r\n".join(lines).encode()


# --- Those who do not know how to behave ---------------------------------------------------------

GET = b"GET / HTTP/1.1\r\n"
HOST = b"Host: x\r\n"
NASTY = {
    "two lengths": (GET + HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    "a length and chunks": (
        GET + HOST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", 400),
    "chunks": (GET + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET + HOST + b"\r\n", 411),
    "an unknown coding": (GET + HOST + b"Transfer-Encoding: xchunked\r\n\r\n", 501),
    "chunked not at last": (GET + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n", 501),
    "a negative length": (GET + HOST + b"Content-Length: -1\r\n\r\n", 400),
    "a length with a sign": (GET + HOST + b"Content-Length: +1\r\n\r\nx", 400),
    "an endless length": (GET + HOST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    "a body too long": (GET + HOST + b"Content-Length: 9999999\r\n\r\n", 413),
    "a space before the colon": (GET + HOST + b"Content-Length : 5\r\n\r\nhello", 400),
    "a line that goes on": (GET + HOST + b"A: b\r\n c\r\n\r\n", 400),
    "no host": (GET + b"\r\n", 400),
    "two hosts": (GET + HOST + HOST + b"\r\n", 400),
    "a control character": (GET + HOST + b"A: \x01\r\n\r\n", 400),
    "a NUL": (GET + HOST + b"A: b\0c\r\n\r\n", 400),
    "no version": (b"GET /\r\n\r\n", 505),
    "version 0.9": (b"GET / HTTP/0.9\r\n\r\n", 505),
    "version 2": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "version 11": (b"GET / HTTP/11.1\r\n" + HOST + b"\r\n", 400),
    "no number": (b"GET / HTTP/x.y\r\n" + HOST + b"\r\n", 400),
    "another protocol": (b"GET / ICE/1.0\r\n\r\n", 400),
    "HTTP/2's beginning": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 501),
    "an unknown method": (b"GRAB / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "a small method": (b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), 400),
    "zeros": (bytes(1000), 400),
    "no target": (b"GET  HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a bad target": (b"GET nowhere HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a long target": (b"GET /" + b"x" * 40000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "long headers": (GET + HOST + b"A: " + b"x" * 40000 + b"\r\n\r\n", 431),
    "many headers": (GET + HOST + b"A: b\r\n" * 100 + b"\r\n", 431),
    "a CR that ends the head for some": (
        GET + HOST + b"Content-Length: 50\r\n\rGET /x HTTP/1.1\r\n\r\n", 400),
    "the same without a body": (GET + HOST + b"\rGET /x HTTP/1.1\r\n\r\n", 400),
    "other bytes behind": (GET + HOST + b"Connection: close\r\n\r\n" + b"\xff" * 100, 200),
    "absolute": (b"GET http://x/style.css HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 200),
    "without CR": (b"GET / HTTP/1.0\n\n", 200),
    "an empty line first": (b"\r\n" + GET + HOST + b"Connection: close\r\n\r\n", 200),
    "a body": (GET + HOST + b"Content-Length: 5\r\n\r\nhello" + GET + HOST + b"Connection: close\r\n\r\n",
               200),
    "a method for others": (b"POST / HTTP/1.0\r\n\r\n", 405),
    "a form": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello" + GET + HOST + b"\r\n", 405),
    "a tab in the target": (b"GET /\tx HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "CONNECT": (b"CONNECT x:80 HTTP/1.0\r\n\r\n", 405),
    "OPTIONS": (b"OPTIONS * HTTP/1.0\r\n\r\n", 405),
    "an upgrade": (GET + HOST + b"Connection: upgrade, close\r\nUpgrade: websocket\r\n\r\n", 200),
}


def bad_requests_are_refused(backend):
    with Site(backend, "-q") as site:
        for name, (request, wanted) in NASTY.items():
            try:
                status = status_of(site.exchange(request))
            except TimeoutError:
                status = None
            assert status == wanted, f"{name}: {status} instead of {wanted}"
            # Nothing but the first is answered of what is smuggled behind a refused one.
        for name in "chunks", "a form":
            answers = site.exchange(NASTY[name][0])
            assert answers.count(b"HTTP/1.1") == 1, answers
        answers = site.exchange(NASTY["a body"][0])
        assert answers.count(b"HTTP/1.1 200") == 2, answers
        assert site.curl(site.url + "/in") == STYLE


def clients_go_at_any_time(backend):
    """And leave nothing behind."""
    request = get("/big")
    with Site(backend, "-q") as site:
        site.curl("-o", os.devnull, site.url + "/in")
        before = site.program.descriptors()
        for at in [*range(0, len(request), 3), len(request)]:
            for reset in (False, True):
                s = site.connect()
                s.sendall(request[:at])
                if reset:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                s.close()
        while site.program.descriptors() > before:  # the alarm rings if that never ends
            site.curl("-o", os.devnull, site.url + "/in")


def patience_has_an_end(backend):
    with Site(backend, "-q", "-t", "0.3") as site:
        assert site.exchange(b"") == b""  # it said nothing: no answer
        assert status_of(site.exchange(b"G")) == 408
        assert status_of(site.exchange(GET + HOST)) == 408
        with site.connect() as s:  # does not read
            s.sendall(get("/big") * 20)
            site.exchange(b"")
            got, data = 0, b"x"
            with contextlib.suppress(ConnectionResetError):
                while data:
                    data = s.recv(1 << 16)
                    got += len(data)
                    if got < 1 << 17:
                        site.exchange(b"")
            assert got < 20 * len(BIG)


def requests_come_many_at_once(backend):
    with Site(backend, "-q") as site:
        names = ["style.css", "script.js", "nope", "images/index.html"] * 50
        requests = b"".join(get(f"/{name}") for name in names) + get("/", "Connection: close")
        answers = site.exchange(requests).split(b"HTTP/1.1 ")[1:]
        assert len(answers) == len(names) + 1
        bodies = {"style.css": STYLE, "script.js": SCRIPT, "nope": "404 Not Found\n",
                  "images/index.html": "images"}
        for name, answer in zip(names, answers):
            assert answer.decode().split("\r\n\r\n")[1] == bodies[name], (name, answer)
        answers = site.exchange(b"HEAD /big HTTP/1.1\r\nHost: x\r\n\r\n" + get("/", version="1.0"))
        assert answers.count(b"HTTP/1.1 200") == 2 and answers.endswith(PAGE.encode()), answers


def it_ends_with_grace(backend):
    with Site(backend, "-q") as site:
        idle, busy = site.connect(), site.connect()
        for s in idle, busy:
            s.sendall(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert s.recv(4096).startswith(b"HTTP/1.1 200")
        os.truncate(site.root / "big", HUGE)
        busy.sendall(get("/big"))
        got = len(busy.recv(1000))
        site.program.process.send_signal(signal.SIGTERM)
        assert idle.recv(1) == b""
        while data := busy.recv(1 << 16):
            got += len(data)
        assert got > HUGE
        idle.close()
        busy.close()
        assert site.program.process.wait(LIMIT) == 0
        try:
            site.connect()
            raise AssertionError("it listens still")
        except ConnectionRefusedError:
            pass


# --- Load, TLS, a browser ------------------------------------------------------------------------


def wrk_gets_all_it_asks_for(backend):
    with Site(backend, "-q") as site:
        text = wrk(site.url + "/style.css", "-c50", "--latency")
        keep(f"wrk-{backend}.txt", text)
        wrk(site.url + "/big", "-c10")
        wrk(site.url + "/style.css", "-c10", "-H", "Connection: close")


def curl_and_wrk_speak_tls(backend):
    with Site(backend, "-q", tls=True) as site:
        text = site.curl("-v", "--cacert", site.cert, site.url + "/", site.url + "/style.css")
        assert "SSL certificate verify ok" in text and PAGE in text and STYLE in text, text
        assert text.count("Connected to") == 1, text
        keep(f"curl-tls-{backend}.txt", text)
        site.curl("--cacert", site.cert, "-o", site.place / "copy", site.url + "/big")
        assert (site.place / "copy").read_bytes() == BIG
        assert "certificate" in site.curl(site.url + "/", fails=True)
        wrk(site.url + "/style.css", "-c10")


def openssl_speaks_tls(backend):
    with Site(backend, "-q", tls=True) as site:
        for version in "-tls1_2", "-tls1_3":
            text = run(need("openssl"), "s_client", "-connect", f"127.0.0.1:{site.port}", "-CAfile",
                       site.cert, "-verify_return_error", "-ign_eof", version,
                       input=get("/style.css", "Connection: close"))
            assert "Verify return code: 0 (ok)" in text and STYLE in text, text
            keep(f"s_client{version}-{backend}.txt", text)
        assert site.exchange(get("/"))[:9] != b"HTTP/1.1 "  # no plain HTTP here
        for at in range(1, 200, 20):  # a handshake that breaks off
            site.connect().close()
            with site.connect() as s:
                s.sendall(client_hello()[:at])
        assert site.curl("--cacert", site.cert, site.url + "/style.css") == STYLE


def client_hello():
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


def a_browser_shows_the_page(backend):
    browser = need("chromium-headless-shell", "chromium", "google-chrome")
    with Site(backend) as site:
        picture = site.place / "page.png"
        options = ["--headless", "--disable-gpu", "--no-sandbox", "--disable-dev-shm-usage",
                   "--disable-background-networking", f"--user-data-dir={site.place}/profile",
                   "--window-size=640,400", "--virtual-time-budget=5000"]
        environment = {**os.environ, "HOME": str(site.place), "LSAN_OPTIONS": ""}
        page = subprocess.run([browser, *options, "--dump-dom", site.url + "/"], timeout=120,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, env=environment).stdout.decode()
        keep(f"dom-{backend}.html", page)
        assert "the script ran: image 120x90, background rgb(32, 64, 96)" in page, page
        asked = site.program.until('"GET /style.css" 200', '"GET /script.js" 200',
                                   '"GET /images/red.png" 200')
        assert '"GET /" 200' in asked[0], asked
        subprocess.run([browser, *options, f"--screenshot={picture}", site.url + "/"], timeout=120,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, env=environment)
        photograph = picture.read_bytes()
        keep(f"page-{backend}.png", photograph)
        assert photograph.startswith(b"\x89PNG") and struct.unpack(">II", photograph[16:24]) == (640, 400)


# --- The fetcher ---------------------------------------------------------------------------------


def fetch(backend, *args, fails=False):
    return run(PROGRAMS / "fetch", *args, fails=fails,
               env={**os.environ, "ASYNCIO_BACKEND": backend})


def fetch_many(backend):
    with Site(backend, "-q") as site:
        copies = site.place / "copies"
        copies.mkdir()
        names = ["style.css", "script.js", "big", "images/red.png", "nothing.txt"]
        text = fetch(backend, "-d", copies, "-n", 3, site.url + "/", *[f"{site.url}/{n}" for n in names])
        assert f"{site.url}/big: {len(BIG)} bytes in " in text and text.count("\n") == 6, text
        for name in names:
            file = site.root / name
            assert (copies / file.name).read_bytes() == file.read_bytes()
        assert sorted(os.listdir(copies)) == sorted(["index.html", *map(os.path.basename, names)])
        text = fetch(backend, site.url + "/style.css", site.url + "/images", site.url + "/script.js")
        assert text.index(STYLE) < text.index("images") < text.index(SCRIPT), text
        text = fetch(backend, "-d", copies, site.url + "/nope", site.url + "/in", "nonsense",
                     "ftp://x/", fails=True)
        assert "/nope: 404 Not Found" in text and text.count("no address") == 2, text
        assert (copies / "in").read_text() == STYLE and not (copies / "nope").exists()
        many = [f"{site.url}/style.css?{i}" for i in range(200)]
        assert fetch(backend, "-d", copies, "-n", 50, *many).count(f" {len(STYLE)} bytes ") == 200


def local_name():
    """Where there is no /etc/hosts, there may be none."""
    try:
        socket.getaddrinfo("localhost", None)
    except socket.gaierror:
        return "127.0.0.1"
    return "localhost"


def fetch_over_tls(backend):
    with Site(backend, "-q", tls=True) as site:
        for host in {"127.0.0.1", local_name()}:
            url = f"https://{host}:{site.port}/style.css"
            assert STYLE in fetch(backend, "--cafile", site.cert, url)
        assert STYLE not in fetch(backend, site.url + "/in", fails=True)  # nobody vouches for it


OK = b"HTTP/1.1 200 OK\r\n"
ANSWERS = {
    "/chunked": (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\nT: t\r\n\r\n",
                 "hello, world"),
    "/length": (OK + b"Content-Length: 5\r\n\r\nhello, and more", "hello"),
    "/end": (OK + b"\r\nhello", "hello"),
    "/none": (OK + b"Content-Length: 0\r\n\r\n", ": 0 bytes"),
    "/old": (b"HTTP/1.0 200 OK\n\nhello", "hello"),
    "/continue": (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\nhello", "hello"),
    "/absolute": (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/end\r\n\r\n", "hello"),
    "/path": (b"HTTP/1.1 301 Moved\r\nLocation: /end\r\nContent-Length: 3\r\n\r\nxyz", "hello"),
    "/a/relative": (b"HTTP/1.1 307 Moved\r\nLocation: ../end?x#y\r\n\r\n", "404"),
    "/dir/sibling": (b"HTTP/1.1 308 Moved\r\nLocation: there\r\n\r\n", "hello"),
    "/dir/there": (OK + b"\r\nhello", "hello"),
    "/host": (b"HTTP/1.1 302 Found\r\nLocation: //127.0.0.1:%d/end\r\n\r\n", "hello"),
}
BROKEN = {
    "/loop": (b"HTTP/1.1 302 Found\r\nLocation: /loop\r\n\r\n", "too many redirections"),
    "/nowhere": (b"HTTP/1.1 302 Found\r\n\r\n", "leads nowhere"),
    "/elsewhere": (b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n", "leads nowhere"),
    "/short": (OK + b"Content-Length: 50\r\n\r\nhello", "cut short"),
    "/shorter": (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "cut short"),
    "/chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", "not HTTP"),
    "/head": (b"HTTP/1.1 200 OK\r\nContent-Le", "no answer"),
    "/silent": (b"", "no answer"),
    "/garbage": (bytes(range(256)) + b"\r\n\r\n", "not HTTP"),
    "/long": (OK + b"A: " + b"x" * 200000 + b"\r\n\r\nhello", "no answer"),
    "/huge": (OK + b"Content-Length: 99999999999999999999999\r\n\r\nhello", "not HTTP"),
    "/stall": (None, "timed out"),
}


class Canned:
    """A server with an answer to each target, or none."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.stalled = []
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *failure):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for s in self.stalled:
            s.close()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                s = self.listener.accept()[0]
                request = b""
                while b"\r\n\r\n" not in request:
                    request += s.recv(4096)
                answer = {**ANSWERS, **BROKEN}.get(request.split()[1].decode(), (b"HTTP/1.1 404 No\r\n\r\n",))
                if answer[0] is None:
                    self.stalled.append(s)
                    continue
                with s, contextlib.suppress(OSError):
                    s.sendall(answer[0].replace(b"%d", b"%d" % self.port))


def fetch_from_odd_servers(backend):
    with Canned() as server:
        url = f"http://127.0.0.1:{server.port}"
        for target, (_, wanted) in ANSWERS.items():
            text = fetch(backend, url + target, fails=wanted == "404")
            assert wanted in text, (target, text)
        for target, (_, wanted) in BROKEN.items():
            limit = 0.3 if wanted == "timed out" else LIMIT
            text = fetch(backend, "-t", limit, url + target, fails=True)
            assert wanted in text, (target, text)
        with tempfile.TemporaryDirectory() as place:
            fetch(backend, "-d", place, url + "/short", url + "/end", fails=True)
            assert os.listdir(place) == ["end"]


def fetch_cannot_write(backend):
    with Site(backend, "-q") as site:
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAMS / "fetch", site.url + "/big"], stdout=full,
                                  stderr=subprocess.PIPE, timeout=LIMIT,
                                  env={**os.environ, "ASYNCIO_BACKEND": backend})
        assert done.returncode == 1 and b"cannot write: No space left" in done.stderr, done.stderr


if __name__ == "__main__":
    sys.exit(run_tests(
        curl_gets_a_page, curl_keeps_a_connection, curl_asks_for_parts, curl_asks_whether_it_changed,
        targets_stay_within_the_root, bad_requests_are_refused, clients_go_at_any_time,
        patience_has_an_end, requests_come_many_at_once, it_ends_with_grace,
        wrk_gets_all_it_asks_for, curl_and_wrk_speak_tls, openssl_speaks_tls,
        a_browser_shows_the_page, fetch_many, fetch_over_tls, fetch_from_odd_servers,
        fetch_cannot_write))
