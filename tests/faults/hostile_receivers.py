#!/usr/bin/env python3
"""Receivers that hang up, drip, flood, redirect, break TLS, talk nonsense or never accept: each costs its own calls and nothing else.

usage: hostile_receivers.py BINARY [--operations N] [--seed S]     (needs `openssl` for a certificate that nobody trusts)
"""

import argparse
import http.client
import json
import os
import random
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from receiver import Receiver  # noqa: E402
from till import Failed, Server, must, sale  # noqa: E402

CONFIG = '[log]\nfilter = "info,kassette_actors=debug"\nformat = "json"\n'
STATES = 3
RSS_GROWTH_MAX_KIB = 64 * 1024
# What a flood may push into one call before the client stops: its limit of 64 KiB and what the kernel buffers on both sides.
FLOOD_BYTES_MAX = 512 * 1024
FLOOD_BYTES = 10 * 1024 ** 3
PROMPT_S = 10
RETRY_AFTER_S = 8


class Raw:
    """A listener whose connections are given to `talk`, each on a thread of its own. `talk` gets the socket and the request's head."""

    def __init__(self, talk, wrap=None, reads=True):
        self.talk, self.wrap, self.reads, self.calls, self.lock = talk, wrap, reads, [], threading.Lock()
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, link):
        head = b""
        try:
            with self.wrap.wrap_socket(link, server_side=True) if self.wrap else link as link:
                link.settimeout(30)
                while self.reads and b"\r\n\r\n" not in head:
                    part = link.recv(4096)
                    if not part:
                        return
                    head += part
                with self.lock:
                    found = re.search(rb"(?mi)^webhook-id: *(\S+)", head)
                    self.calls.append((time.monotonic(), found.group(1).decode() if found else ""))
                self.talk(link)
        except OSError:
            pass

    def url(self, scheme="http"):
        return f"{scheme}://127.0.0.1:{self.port}/state"


def hang_up(_link):
    pass


def drip_status(link):
    for byte in b"HTTP/1.1 204 No Content\r\n\r\n":
        link.sendall(bytes([byte]))
        time.sleep(1)


def drip_body(link):
    link.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
    for _ in range(100):
        link.sendall(b"x")
        time.sleep(1)


def nonsense(link):
    link.sendall(b"\x00\xff\x16SSH-2.0-lost_in_transit\r\n\r\n" * 3)


class Flood:
    """10 GiB as the body of a 200, or as headers; notes how much each call has taken."""

    def __init__(self, head, part):
        self.head, self.part, self.taken = head, part, []

    def __call__(self, link):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        taken = 0
        try:
            link.sendall(self.head)
            while taken < FLOOD_BYTES:
                taken += link.send(self.part)
        finally:
            self.taken.append(taken)


class BlackHole:
    """A listener with a full line that never accepts: connections to it are not answered at all."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fillers = []
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(filler)
        with socket.socket() as probe:
            probe.settimeout(0.5)
            try:
                probe.connect(("127.0.0.1", self.port))
            except (TimeoutError, socket.timeout):
                return
        raise Failed("a full line of connections still answers here")

    def url(self):
        return f"http://127.0.0.1:{self.port}/state"


def untrusted(folder):
    """A certificate for 127.0.0.1 that is signed by itself."""
    key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "certificate.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


class Play:
    """A hostile receiver and what must come of a call to it."""

    def __init__(self, name, url, outcome, count=None):
        self.name, self.url, self.outcome, self.count, self.operations = name, url, outcome, count, []


def cast(folder):
    """Everybody who plays. The outcome is that of the attempt log; `acknowledged` leaves nothing to be tried again."""
    elsewhere = Receiver()
    redirect = Receiver(answer=lambda message: (random.choice([301, 302, 303, 307, 308]), {"location": elsewhere.url("/stolen")}))
    gone = Receiver(answer=lambda message: (410, {}))
    busy = Receiver(answer=lambda message: (429, {"retry-after": str(RETRY_AFTER_S)}))
    flood = Flood(f"HTTP/1.1 200 OK\r\ncontent-length: {FLOOD_BYTES}\r\n\r\n".encode(), b"x" * 16384)
    headers = Flood(b"HTTP/1.1 200 OK\r\n", b"x-flood: " + b"y" * 4085 + b"\r\n")
    raws = {
        "hangs up": Raw(hang_up), "hangs up unheard": Raw(hang_up, reads=False), "drips the status": Raw(drip_status),
        "drips the body": Raw(drip_body), "floods": Raw(flood), "floods headers": Raw(headers), "talks nonsense": Raw(nonsense),
        "has a wrong certificate": Raw(hang_up, wrap=untrusted(folder)), "speaks no TLS": Raw(nonsense, reads=False),
    }
    hole = BlackHole()
    plays = [
        Play("hangs up", raws["hangs up"].url(), {"protocol"}),
        Play("hangs up unheard", raws["hangs up unheard"].url(), {"protocol", "connect"}),
        Play("drips the status", raws["drips the status"].url(), {"timeout"}),
        Play("drips the body", raws["drips the body"].url(), {"acknowledged"}, lambda: len(raws["drips the body"].calls)),
        Play("floods", raws["floods"].url(), {"acknowledged"}, lambda: len(raws["floods"].calls)),
        Play("floods headers", raws["floods headers"].url(), {"protocol"}),
        Play("talks nonsense", raws["talks nonsense"].url(), {"protocol"}),
        Play("has a wrong certificate", raws["has a wrong certificate"].url("https"), {"tls"}),
        Play("speaks no TLS", raws["speaks no TLS"].url("https"), {"tls"}),
        Play("redirects", redirect.url(), {"redirected"}),
        Play("is gone", gone.url(), {"gone"}, lambda: len(gone.messages)),
        Play("is busy", busy.url(), {"rejected"}),
        Play("is a black hole", hole.url(), {"connect", "timeout"}),
    ]
    return plays, elsewhere, redirect, busy, [flood, headers], hole


class Signing:
    """Operations of one till."""

    def __init__(self, box):
        self.box, self.slowest = box, 0.0
        self.link = http.client.HTTPConnection("127.0.0.1", box.server.port, timeout=30)

    def sign(self, url):
        operation = str(uuid.uuid4())
        begin = time.monotonic()
        status, answer = self.box.post(self.link, "/v2/sign", operation, sale(operation, 100), x_operation_callback_state=url)
        self.slowest = max(self.slowest, time.monotonic() - begin)
        must(status == 201, f"a sign gets {status}: {answer[:300]}")
        return operation


def rss_kib(server):
    with open(f"/proc/{server.process.pid}/status", encoding="utf-8") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1))


class Watch:
    """The highest RSS while it watches."""

    def __init__(self, server):
        self.server, self.begin, self.stopping = server, rss_kib(server), threading.Event()
        self.most = self.begin
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.stopping.wait(0.05):
            self.most = max(self.most, rss_kib(self.server))

    def end(self):
        self.stopping.set()
        self.thread.join()
        return self.most - self.begin


def retries(log):
    """From the log of the server: what came of each failed attempt, as pairs of an outcome and a wait, by operation."""
    found = {}
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if "tried again later" in line:
                fields = json.loads(line)
                fields = {**fields, **fields.get("fields", {})}
                found.setdefault(fields["operation"], []).append((fields["outcome"], int(fields["delay_ms"])))
    return found


def until(condition, deadline_s, text):
    end = time.monotonic() + deadline_s
    while not condition():
        must(time.monotonic() < end, f"after {deadline_s} s: {text()}")
        time.sleep(0.05)


def attempt_log(server, box, plays):
    """What an operator is shown of the first operations of each play, which were tried for certain: the outcome of every attempt. Gives the number of attempts."""
    shown_count = 0
    for play in plays:
        outcomes = set()
        for operation in play.operations[:6]:
            shown = json.loads(server.run("--json", "callback", "attempts", box.id, operation).stdout)
            attempts = [attempt for message in shown["callbacks"] for attempt in message["attempts"]]
            outcomes |= {attempt["outcome"] for attempt in attempts}
            shown_count += len(attempts)
        must(outcomes and outcomes <= play.outcome,
             f"the attempts at a receiver that {play.name} are shown as {outcomes}, not {play.outcome}")
    return shown_count


def scenario(server, folder, log, count, chance):
    plays, elsewhere, redirect, busy, floods, _hole = cast(folder)
    good = [Receiver() for _ in range(3)]
    box = server.create("HOSTILE")
    server.start()
    till = Signing(box)
    # The first calls bring up what is made once for a process, such as its list of authorities.
    for receiver in good:
        operation = till.sign(receiver.url())
        receiver.wait(lambda messages: len(messages) >= STATES, PROMPT_S, "a good receiver gets nothing in quiet")
    watch = Watch(server)
    expected, sent_at = [0, 0, 0], {}
    for turn in range(count):
        chance.shuffle(plays)
        for play in plays:
            play.operations.append(till.sign(play.url))
        receiver = chance.randrange(len(good))
        begin = time.monotonic()
        sent_at[till.sign(good[receiver].url())] = begin
        expected[receiver] += STATES
    for receiver, wanted in zip(good, expected):
        receiver.wait(lambda messages: len(messages) >= wanted + STATES, PROMPT_S,
                      lambda: f"a good receiver has {len(receiver.messages)} of {wanted + STATES} messages")
    slowest = max(message.at - sent_at[message.operation] for receiver in good for message in receiver.messages
                  if message.operation in sent_at)
    # Every receiver that gives an answer, and each of the others once.
    first_of = {play.name: play.operations[0] for play in plays}

    def settled():
        seen = retries(log)
        for play in plays:
            if play.count is None and not any(operation in seen for operation in play.operations):
                return False
            if play.count is not None and play.count() < STATES * (1 if play.name == "drips the body" else count):
                return False
        return any(message.operation in seen and len(busy.of(message.operation)) > 1 for message in list(busy.messages))

    until(settled, 40, lambda: f"not settled: {[(play.name, play.count and play.count()) for play in plays]}, "
          f"{[play.name for play in plays if first_of[play.name] in retries(log)]} failed")
    growth = watch.end()
    judge(plays, log, elsewhere, redirect, busy, floods)
    shown = attempt_log(server, box, plays)
    must(growth < RSS_GROWTH_MAX_KIB, f"the server has grown by {growth} KiB")
    status, text = server.get("/readyz")
    must(status == 200, f"readyz gets {status}: {text[:300]}")
    must(server.stop() == 0, "the orderly stop failed")
    attempts = sum(len(found) for found in retries(log).values())
    taken = [amount for flood in floods for amount in flood.taken]
    print(f"hostile receivers: {len(plays)} kinds, {count} operations each, {attempts} failed attempts, {shown} looked at; a good receiver waited at most "
          f"{slowest * 1000:.0f} ms, a sign {till.slowest * 1000:.0f} ms; RSS {watch.begin // 1024} MiB, grown by {growth / 1024:.1f} MiB; "
          f"floods: {len(taken)} calls took at most {max(taken) // 1024} KiB of 10 GiB")


def judge(plays, log, elsewhere, redirect, busy, floods):
    seen = retries(log)
    for play in plays:
        kinds = {outcome.split()[0] for operation in play.operations for outcome, _ in seen.get(operation, ())}
        if play.count is None:
            must(kinds and kinds <= play.outcome, f"a receiver that {play.name}: outcomes {kinds}, not {play.outcome}")
        else:
            must(not kinds, f"a receiver that {play.name} was tried again: {kinds}")
            must(play.count() <= STATES * len(play.operations), f"a receiver that {play.name} got {play.count()} calls")
    must(not elsewhere.messages, f"{len(elsewhere.messages)} redirects were followed")
    by_play = {play.name: play for play in plays}
    tried = sum(len(seen.get(operation, ())) for operation in by_play["redirects"].operations)
    # Those whose outcome is not yet in the log are being answered.
    must(tried <= len(redirect.messages) <= tried + 8, f"{len(redirect.messages)} requests for {tried} redirected attempts")
    for operation in by_play["is busy"].operations:
        for outcome, delay_ms in seen.get(operation, ()):
            must("429" in outcome and delay_ms >= RETRY_AFTER_S * 1000, f"asked for {RETRY_AFTER_S} s: {outcome}, {delay_ms} ms")
        times = [message.at for message in busy.of(operation)]
        must(all(later - before >= RETRY_AFTER_S - 0.5 for before, later in zip(times, times[1:])),
             f"a busy receiver was called at {times}")
    for flood in floods:
        must(flood.taken and max(flood.taken) <= FLOOD_BYTES_MAX, f"a flood of {max(flood.taken, default=0)} bytes was taken")


def main():
    words = argparse.ArgumentParser()
    words.add_argument("binary")
    words.add_argument("--operations", type=int, default=6)
    words.add_argument("--seed", type=int, default=int(time.time()))
    options = words.parse_args()
    if not shutil.which("openssl"):
        print("hostile receivers: left out: no openssl")
        return 1 if os.environ.get("KASSETTE_CI") == "1" else 0
    print(f"hostile receivers: seed {options.seed}", flush=True)
    random.seed(options.seed)
    with tempfile.TemporaryDirectory(prefix="kassette-hostile-") as folder:
        log, config = os.path.join(folder, "log"), os.path.join(folder, "kassette.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG)
        server = Server(options.binary, os.path.join(folder, "data"), log, config)
        try:
            scenario(server, folder, log, options.operations, random.Random(options.seed))
        except Failed as failure:
            with open(log, "rb") as text:
                sys.stderr.buffer.write(text.read()[-8000:])
            print(f"hostile receivers: FAILED with seed {options.seed}: {failure}")
            return 1
        finally:
            if server.process and server.process.poll() is None:
                server.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
