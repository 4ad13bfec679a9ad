#!/usr/bin/env python3
"""The proxy of examples/proxy/ in front of a real nginx, and between peers that are slow, gone or
silent.

usage: proxy_test.py DIRECTORY [KEEP]

DIRECTORY is where the programs were built. What the clients printed goes to KEEP.
"""
import contextlib
import os
import pathlib
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading

from programs import (
    LIMIT, Program, keep, make_certificate, need, need_tls, run, run_tests, wrk)

PAGE = "<h1>from nginx</h1>\n"
BIG = os.urandom(1 << 20) * 3


class Nginx:
    """On a port of plain HTTP and one of TLS. The sockets are ours: it inherits them, as it does
    from itself when it is upgraded, so the ports are free for certain."""

    def __init__(self, tls=False):
        self.temporary = tempfile.TemporaryDirectory()
        self.place = pathlib.Path(self.temporary.name)
        self.place.chmod(0o755)
        (self.place / "index.html").write_text(PAGE)
        (self.place / "big").write_bytes(BIG)
        sockets = [socket.create_server(("127.0.0.1", 0), backlog=511) for _ in range(1 + tls)]
        self.port, *self.tls_port = [s.getsockname()[1] for s in sockets]
        listen = f"listen 127.0.0.1:{self.port};"
        if tls:
            self.cert, self.key = make_certificate(self.place)
            listen += (f"listen 127.0.0.1:{self.tls_port[0]} ssl; ssl_certificate {self.cert};"
                       f"ssl_certificate_key {self.key};")
        user = "user root;" if os.geteuid() == 0 else ""
        (self.place / "nginx.conf").write_text(f"""
            {user} daemon off; worker_processes 1; pid {self.place}/pid; error_log stderr error;
            events {{ worker_connections 1024; }}
            http {{
                access_log off; keepalive_requests 1000000; default_type text/html;
                client_body_temp_path {self.place}/body; proxy_temp_path {self.place}/proxy;
                fastcgi_temp_path {self.place}/fastcgi; uwsgi_temp_path {self.place}/uwsgi;
                scgi_temp_path {self.place}/scgi;
                server {{ {listen} root {self.place}; }}
            }}""")
        descriptors = [s.fileno() for s in sockets]
        self.process = subprocess.Popen(
            [need("nginx"), "-p", self.place, "-c", self.place / "nginx.conf"], stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, pass_fds=descriptors,
            env={**os.environ, "NGINX": "".join(f"{fd};" for fd in descriptors)})
        for s in sockets:
            s.close()

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        with self.temporary:
            self.process.terminate()
            self.process.wait(LIMIT)


@contextlib.contextmanager
def proxy(backend, target, *options, status=0):
    """Its port, and the program."""
    with Program(backend, "proxy", *options, "127.0.0.1:0", f"127.0.0.1:{target}") as program:
        yield program.port(), program
        if program.process.poll() is None:
            ended, rest = program.stop(signal.SIGTERM)
            assert ended == status, f"the proxy ended with {ended}: {rest}"


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=LIMIT)


def listen():
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(LIMIT)
    return listener, listener.getsockname()[1]


@contextlib.contextmanager
def between(backend, *options):
    """Both ends of a connection through the proxy, and the program."""
    listener, target = listen()
    with listener, proxy(backend, target, *options) as (port, program):
        with connect(port) as client, listener.accept()[0] as server:
            server.settimeout(LIMIT)
            yield client, server, program


def read_all(s):
    data = b""
    while more := s.recv(1 << 16):
        data += more
    return data


def send_all(s):
    """By a thread: all of BIG, and the end."""
    def send():
        s.sendall(BIG)
        s.shutdown(socket.SHUT_WR)
    thread = threading.Thread(target=send)
    thread.start()
    return thread


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


# --- nginx, curl, wrk, openssl -------------------------------------------------------------------


def curl(*args, **options):
    return run(need("curl"), "-sS", "--max-time", LIMIT, *args, **options)


def check_site(url, place, *options):
    text = curl("-v", *options, url + "/", url + "/")
    assert text.count(PAGE) == 2 and text.count("Connected to") == 1, text
    copy = place / "copy"
    curl(*options, "-o", copy, url + "/big")
    assert copy.read_bytes() == BIG
    assert curl(*options, "-o", os.devnull, "-w", "%{http_code}", url + "/nope") == "404"
    return text


def nginx_stands_behind(backend):
    with Nginx() as nginx, proxy(backend, nginx.port) as (port, _):
        url = f"http://127.0.0.1:{port}"
        keep(f"proxy-curl-{backend}.txt", check_site(url, nginx.place))
        keep(f"proxy-wrk-{backend}.txt", wrk(url + "/", "-c50", "--latency"))
        wrk(url + "/big", "-c5")
        wrk(url + "/", "-c10", "-H", "Connection: close")


def nginx_behind_tls(backend):
    """TLS up to the proxy, from the proxy on, and all the way."""
    need_tls()
    with Nginx(tls=True) as nginx:
        own, trust = ("--tls", nginx.cert, nginx.key), ("--cacert", nginx.cert)
        onward = ("--target-tls", "--cafile", nginx.cert)
        with proxy(backend, nginx.port, *own) as (port, _):
            text = check_site(f"https://127.0.0.1:{port}", nginx.place, *trust)
            assert "SSL certificate verify ok" in text, text
            keep(f"proxy-curl-tls-{backend}.txt", text)
            wrk(f"https://127.0.0.1:{port}/", "-c10")
            request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            text = run(need("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile",
                       nginx.cert, "-verify_return_error", "-ign_eof", input=request)
            assert "Verify return code: 0 (ok)" in text and PAGE in text, text
            keep(f"proxy-s_client-{backend}.txt", text)
        with proxy(backend, nginx.tls_port[0], *onward) as (port, _):
            check_site(f"http://127.0.0.1:{port}", nginx.place)
            wrk(f"http://127.0.0.1:{port}/", "-c10")
        with proxy(backend, nginx.tls_port[0], *own, *onward) as (port, _):
            check_site(f"https://127.0.0.1:{port}", nginx.place, *trust)


def targets_are_verified(backend):
    need_tls()
    with Nginx(tls=True) as nginx:
        with proxy(backend, nginx.tls_port[0], "--target-tls") as (port, program):  # unknown to all
            curl(f"http://127.0.0.1:{port}/", fails=True)
            assert "certificate" in program.line()
        with proxy(backend, nginx.port, "--target-tls", "--cafile", nginx.cert) as (port, program):
            curl(f"http://127.0.0.1:{port}/", fails=True)  # speaks no TLS
            assert f"127.0.0.1:{nginx.port}: " in program.line()
        with proxy(backend, nginx.port, "--tls", nginx.cert, nginx.key) as (port, program):
            with connect(port) as s:
                s.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(1000))
                with contextlib.suppress(ConnectionResetError):
                    assert b"nginx" not in read_all(s)
            assert PAGE in curl("--cacert", nginx.cert, f"https://127.0.0.1:{port}/")


# --- Ends and faults -----------------------------------------------------------------------------


def one_direction_ends_first(backend):
    with between(backend) as (client, server, _):
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert read_all(server) == b"question"
        server.sendall(b"answer")
        server.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"answer"
    with between(backend) as (client, server, _):
        server.sendall(b"greeting")
        server.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"greeting"
        sender = send_all(client)
        assert read_all(server) == BIG
        sender.join(LIMIT)


def both_directions_at_once(backend):
    with between(backend) as (client, server, _):
        got = []
        reader = threading.Thread(target=lambda: got.append(read_all(client)))
        threads = [send_all(client), send_all(server), reader]
        reader.start()
        assert read_all(server) == BIG
        for thread in threads:
            thread.join(LIMIT)
        assert got == [BIG]


def tls_does_not_cut_answers_short(backend):
    """Where the client's end cannot be passed on, the answer comes all the same, and the end after
    it."""
    need_tls()
    with tempfile.TemporaryDirectory() as place:
        cert, key = make_certificate(pathlib.Path(place))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        listener, target = listen()
        with listener, proxy(backend, target, "--target-tls", "--cafile", cert) as (port, _):
            with connect(port) as client, context.wrap_socket(listener.accept()[0], server_side=True) as server:
                client.sendall(b"question")
                client.shutdown(socket.SHUT_WR)
                assert server.recv(100) == b"question"
                sender = threading.Thread(target=server.sendall, args=(BIG,))
                sender.start()
                assert read_all(client) == BIG  # to its end: silence, upon which the proxy closes
                sender.join(LIMIT)


def nobody_answers(backend):
    with socket.socket() as nobody:  # bound, so that nobody else can listen there
        nobody.bind(("127.0.0.1", 0))
        with proxy(backend, nobody.getsockname()[1]) as (port, program):
            for _ in range(10):
                with connect(port) as client:
                    with contextlib.suppress(ConnectionResetError):
                        assert client.recv(1) == b""
                assert "127.0.0.1" in program.line()


def resets_are_passed_on(backend):
    for which in (0, 1):
        with between(backend) as (*ends, _):
            ends[which].sendall(b"x")
            assert ends[1 - which].recv(1) == b"x"
            reset(ends[which])
            try:
                assert ends[1 - which].recv(1) == b""
            except ConnectionResetError:
                pass


def slow_readers_slow_down_senders(backend):
    """What is sent to a client that does not read comes to a halt: neither the kernel nor the proxy
    takes all of it."""
    with between(backend) as (client, server, program):
        sent, halted = 0, 0
        server.settimeout(0.2)
        while halted < 3 and sent < 1 << 28:
            try:
                sent += server.send(bytes(1 << 16))
                halted = 0
            except TimeoutError:
                halted += 1
        assert sent < 1 << 27, f"{sent} bytes were taken"
        server.close()
        client.settimeout(LIMIT)
        got = 0
        while data := client.recv(1 << 20):
            got += len(data)
        assert got == sent, (got, sent)


def silence_ends_a_connection(backend):
    with between(backend, "--idle", "0.3") as (client, server, _):
        client.sendall(b"x")
        assert server.recv(1) == b"x"
        for s in client, server:
            with contextlib.suppress(ConnectionResetError):
                assert s.recv(1) == b""


def connections_leave_nothing_behind(backend):
    listener, target = listen()
    with listener, proxy(backend, target) as (port, program):
        before = program.descriptors()
        for _ in range(5):
            pairs = []
            for _ in range(40):
                client = connect(port)
                pairs += [client, listener.accept()[0]]
            for i, s in enumerate(pairs):
                reset(s) if i % 3 else s.close()
        while program.descriptors() > before:  # the alarm rings if that never ends
            connect(port).close()
            listener.accept()[0].close()


def it_ends_with_grace(backend):
    with between(backend) as (client, server, program):
        client.sendall(b"x")
        assert server.recv(1) == b"x"
        program.process.send_signal(signal.SIGTERM)
        server.sendall(BIG[:100000])
        server.close()
        assert read_all(client) == BIG[:100000]
        client.close()
        assert program.process.wait(LIMIT) == 0


if __name__ == "__main__":
    sys.exit(run_tests(
        nginx_stands_behind, nginx_behind_tls, targets_are_verified, one_direction_ends_first,
        both_directions_at_once, tls_does_not_cut_answers_short, nobody_answers,
        resets_are_passed_on, slow_readers_slow_down_senders, silence_ends_a_connection,
        connections_leave_nothing_behind, it_ends_with_grace))
