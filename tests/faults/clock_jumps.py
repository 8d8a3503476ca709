#!/usr/bin/env python3
"""The wall clock jumps by years, runs back and stands still: no operation expires of it, nothing is lost, waits end in time.

usage: clock_jumps.py BINARY [--rounds N] [--seed S] [--patient]     (needs libfaketime; package `faketime`)

`--patient` also waits for the third attempt of a callback, half a minute after the second.
"""

import argparse
import glob
import http.client
import json
import os
import random
import sys
import tempfile
import threading
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from receiver import HANG_UP, Receiver, acknowledge, check_arrivals, secrets  # noqa: E402
from till import Failed, Server, check_exports, must, sale  # noqa: E402

LIBRARIES = "/usr/lib/*/faketime/libfaketimeMT.so.1"
# Back and still first: a receipt is never earlier than the one before, so that after +10 years all moments stand.
JUMPS = ["-2h", "still", "+0", "+10y", "-2h", "still", "+10y", "+0"]
LIFETIME_MS = 2000
# What a call that waits may take beyond its own limit, on a machine that is busy.
SLACK_S = 5
STATES = 3


class WallClock:
    """What the server believes to be the time; its monotonic clock is left alone."""

    def __init__(self, folder, library):
        self.path, self.library = os.path.join(folder, "wall-clock"), library
        self.jump("+0")

    def environment(self):
        return {"LD_PRELOAD": self.library, "FAKETIME_TIMESTAMP_FILE": self.path, "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def jump(self, to):
        if to == "still":
            to = time.strftime("%Y-%m-%d %H:%M:%S")
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            file.write(to + "\n")
        os.replace(self.path + ".new", self.path)


class Till(threading.Thread):
    """Signs at one cash box until told to stop: at once, accepted and waited for, with short lifetimes and callbacks."""

    def __init__(self, box, url, seed):
        super().__init__(daemon=True)
        self.box, self.url, self.chance = box, url, random.Random(seed)
        self.stopping, self.failure, self.receipts, self.operations, self.slowest = threading.Event(), None, [], {}, 0.0

    def run(self):
        try:
            self.link = http.client.HTTPConnection("127.0.0.1", self.box.server.port, timeout=30)
            while not self.stopping.is_set():
                self.one()
        except Exception as error:  # noqa: BLE001: told by `finish`
            self.failure = error

    def one(self):
        operation = str(uuid.UUID(int=self.chance.getrandbits(128), version=4))
        body = sale(operation, 100)
        headers = {"x_operation_lifetime": str(LIFETIME_MS), "x_operation_callback_state": self.url}
        begin = time.monotonic()
        if self.chance.random() < 0.5:
            status, answer = self.box.post(self.link, "/v2/sign", operation, body, **headers)
            must(status == 201, f"a sign gets {status}: {answer[:300]}")
        else:
            prefer = {"prefer": "respond-async, wait=1"} if self.chance.random() < 0.5 else {}
            status, answer = self.box.post(self.link, "/v2/SignRequest", operation, body, **headers, **prefer)
            must(status in (201, 202), f"an asynchronous sign gets {status}: {answer[:300]}")
            status, answer = self.box.server.get(
                f"/v2/BlockSignRequest/{operation}/WhileProcessing?timeout=2000", self.box.headers(operation))
            must(status == 200 and json.loads(answer)["State"] == "done", f"{operation} ends with {status}: {answer[:300]}")
            status, answer = self.box.server.get(f"/v2/SignResponse/{operation}", self.box.headers(operation))
            must(status == 200, f"the response of {operation} gets {status}: {answer[:300]}")
        self.slowest = max(self.slowest, time.monotonic() - begin)
        self.operations[operation] = [self.box, body, answer]
        self.receipts.append(json.loads(answer))

    def finish(self):
        self.stopping.set()
        self.join(timeout=60)
        must(not self.is_alive(), "a till still waits after a minute")
        if self.failure:
            raise Failed(f"cash box {self.box.id}: {self.failure!r}") from self.failure
        must(self.slowest < 2 + SLACK_S, f"an operation took {self.slowest:.1f} s")


def in_order(receipts):
    """Queue rows rise, and no receipt is earlier than the one before."""
    rows = [receipt["ftQueueRow"] for receipt in receipts]
    # Without the Z the digits of the fraction, however many, compare as they should.
    moments = [receipt["ftReceiptMoment"].removesuffix("Z") for receipt in receipts]
    must(rows == sorted(set(rows)), "queue rows do not rise")
    for before, after in zip(moments, moments[1:]):
        must(before <= after, f"a receipt of {after} follows one of {before}")


def under_load(server, clock, boxes, rounds, chance):
    """The clock jumps while tills work; every till does a few operations between two jumps."""
    receiver = Receiver()
    tills = [Till(box, receiver.url(), chance.random()) for box in boxes]
    for till in tills:
        till.start()
    jumps = 0
    for to in JUMPS * rounds:
        clock.jump(to)
        jumps += 1
        wanted = [len(till.receipts) + chance.randrange(3, 10) for till in tills]
        end = time.monotonic() + 20
        while any(len(till.receipts) < least and till.is_alive() for till, least in zip(tills, wanted)):
            must(time.monotonic() < end, f"tills stand still after a jump to {to}")
            time.sleep(0.01)
    operations = {}
    for till in tills:
        till.finish()
        in_order(till.receipts)
        operations.update(till.operations)
    receiver.wait(lambda messages: len(messages) >= STATES * len(operations), 30,
                  lambda: f"{len(receiver.messages)} of {STATES * len(operations)} messages")
    return jumps, operations, receiver


class Failing:
    """Refuses the first attempts of each message."""

    def __init__(self, times, answer):
        self.times, self.refusal, self.seen = times, answer, {}

    def __call__(self, message):
        self.seen[message.id] = self.seen.get(message.id, 0) + 1
        return self.refusal if self.seen[message.id] <= self.times else acknowledge(message)


def sign(box, url):
    link = http.client.HTTPConnection("127.0.0.1", box.server.port, timeout=30)
    operation = str(uuid.uuid4())
    body = sale(operation, 100)
    status, answer = box.post(link, "/v2/sign", operation, body, x_operation_callback_state=url)
    must(status == 201, f"a sign gets {status}: {answer[:300]}")
    link.close()
    return operation, [box, body, answer]


def in_back_off(clock, box, to, failures, deadline_s):
    """A message waits for its next attempt when the clock jumps; the attempt is made after the wait and not after the jump."""
    failing = Failing(failures, (503, {}))
    receiver = Receiver(answer=failing)
    operation, entry = sign(box, receiver.url())
    receiver.wait(lambda messages: messages, 10, "no first attempt")
    clock.jump(to)
    # The clock stays there until the message was delivered.
    receiver.wait(lambda messages: len(messages) >= failures + 1, deadline_s,
                  lambda: f"with the clock at {to}, {len(receiver.messages)} of {failures + 1} attempts were made")
    times = [message.at for message in receiver.messages]
    must(times[1] - times[0] >= 3.9, f"with the clock at {to}, the second attempt came after {times[1] - times[0]:.1f} s")
    clock.jump("+0")
    return operation, entry, receiver


def held_call(clock, box, to):
    """A call that gets no answer ends after its 5 s and is made again after another 5 s, wherever the clock jumps meanwhile."""
    let_go = threading.Event()
    seen = []

    def hold_the_first(message):
        seen.append(message.at)
        if len(seen) == 1:
            let_go.wait(60)
            return HANG_UP
        return acknowledge(message)

    receiver = Receiver(answer=hold_the_first)
    operation, entry = sign(box, receiver.url())
    receiver.wait(lambda messages: messages, 10, "no first attempt")
    clock.jump(to)
    messages = receiver.wait(lambda messages: len(messages) >= 1 + STATES, 30,
                             lambda: f"a held call was not ended in time with the clock at {to}")
    waited = messages[1].at - messages[0].at
    must(8.5 <= waited <= 11 + SLACK_S, f"with the clock at {to}, a held call was made again after {waited:.1f} s")
    let_go.set()
    clock.jump("+0")
    return operation, entry, receiver


def left_out(reason):
    if os.environ.get("KASSETTE_CI") == "1":
        print(f"clock jumps: FAILED: {reason}")
        return 1
    print(f"clock jumps: left out: {reason}")
    return 0


def together(parts):
    """Runs the parts beside each other; the first failure is told."""
    results, failures = [None] * len(parts), []

    def run(number, part):
        try:
            results[number] = part()
        except Exception as error:  # noqa: BLE001: told below
            failures.append(error)

    threads = [threading.Thread(target=run, args=item) for item in enumerate(parts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


class Shared:
    """A clock for parts that run beside each other: they make one jump together, and it is taken back when all are done."""

    def __init__(self, clock, to, parts):
        self.clock, self.parts, self.lock = clock, parts, threading.Lock()
        self.barrier = threading.Barrier(parts, action=lambda: clock.jump(to), timeout=30)

    def jump(self, to):
        if to != "+0":
            self.barrier.wait()
            return
        with self.lock:
            self.parts -= 1
            if self.parts == 0:
                self.clock.jump("+0")


def scenario(server, clock, folder, options, chance):
    boxes = [server.create(f"CLOCK-{number}") for number in range(3)]
    secret_of = {box.id: secrets(server, box)[0] for box in boxes}
    server.environment = clock.environment()
    server.start()
    jumps, operations, receiver = under_load(server, clock, boxes, options.rounds, chance)
    messages = list(receiver.messages)
    for to in ["-2h", "+10y"]:
        parts = 3 if options.patient else 2
        shared = Shared(clock, to, parts)
        plays = [lambda: in_back_off(shared, boxes[0], to, 1, 30), lambda: held_call(shared, boxes[1], to)]
        if options.patient:
            plays.append(lambda: in_back_off(shared, boxes[2], to, 2, 90))
        for operation, entry, part in together(plays):
            operations[operation] = entry
            part.wait(lambda _: len({message.id for message in part.of(operation)}) == STATES, 90, "messages are missing")
            messages += part.messages
        jumps += 1
    # Started again in another time: what is in back-off goes on, what is stored stands.
    refusing = Receiver(answer=Failing(1, (503, {})))
    operation, operations[operation] = sign(boxes[0], refusing.url())
    refusing.wait(lambda got: got, 10, "no first attempt")
    server.kill()
    clock.jump("+10y")
    server.start()
    refusing.wait(lambda got: len({message.id for message in got if message.state == "done"}) == 1, 60,
                  "after a start ten years later the messages do not come")
    messages += refusing.messages
    must(server.stop() == 0, "the orderly stop failed")
    stored = check_exports(server, boxes, operations, folder)
    states, again = check_arrivals(messages, boxes, secret_of)
    wrong = {operation: told for (_, operation), told in states.items() if told != ["pending", "processing", "done"]}
    must(not wrong and {operation for _, operation in states} == set(operations), f"told of as {list(wrong.items())[:3]}")
    server.run("verify", server.folder)
    print(f"clock jumps: {jumps + 1} jumps, {len(stored)} operations, none cut, {STATES * len(states)} messages, {again} attempts more")


def main():
    words = argparse.ArgumentParser()
    words.add_argument("binary")
    words.add_argument("--rounds", type=int, default=2)
    words.add_argument("--seed", type=int, default=int(time.time()))
    words.add_argument("--patient", action="store_true")
    options = words.parse_args()
    library = next(iter(glob.glob(LIBRARIES)), None)
    if library is None:
        return left_out("no libfaketime")
    print(f"clock jumps: {options.rounds} rounds, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="kassette-clock-") as folder:
        log = os.path.join(folder, "log")
        server = Server(options.binary, os.path.join(folder, "data"), log)
        try:
            scenario(server, WallClock(folder, library), folder, options, random.Random(options.seed))
        except Failed as failure:
            with open(log, "rb") as text:
                sys.stderr.buffer.write(text.read()[-8000:])
            print(f"clock jumps: FAILED with seed {options.seed}: {failure}")
            return 1
        finally:
            if server.process and server.process.poll() is None:
                server.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
