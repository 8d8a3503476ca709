#!/usr/bin/env python3
"""kill -9 around callbacks, again and again: every promised message arrives, in order, with one id and one body.

usage: callback_kills.py BINARY [--rounds N] [--seed S]

Each round kills the server at another place: at any moment, while a call is held open (committed, nothing delivered), right after the
receiver saw a request, and right after it acknowledged one (delivered, not yet noted).
"""

import argparse
import os
import random
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from receiver import HANG_UP, Receiver, acknowledge, check_arrivals, secrets  # noqa: E402
from till import ACCEPTED, Failed, Load, Server, check_exports, check_replay, must, small_index  # noqa: E402

PLACES = ["any moment", "held", "seen", "acknowledged"]
STATES = ["pending", "processing", "done"]
# One of so many first attempts is put off, so that waits for a next attempt are hit as well.
PUT_OFF = 40


class Trap:
    """The answers of the receiver; kills the server at the place of the round."""

    def __init__(self, server, place, chance):
        self.server, self.place = server, place
        self.left = chance.randrange(1, 60)
        self.lock, self.sprung = threading.Lock(), threading.Event()
        self.chance, self.put_off = random.Random(chance.random()), set()

    def answer(self, message):
        with self.lock:
            self.left -= 1
            now = self.left == 0
            put_off = message.id not in self.put_off and self.chance.randrange(PUT_OFF) == 0
            if put_off:
                self.put_off.add(message.id)
        if self.place == "held":
            self.sprung.wait(30)
            return HANG_UP
        if now and self.place == "seen":
            self.spring()
            return HANG_UP
        if now and self.place == "acknowledged":
            # What is sent before the process is gone is on its way: the receiver has acknowledged.
            threading.Timer(0, self.spring).start()
            return acknowledge(message)
        return (503, {}) if put_off else acknowledge(message)

    def spring(self):
        self.server.process.kill()
        self.sprung.set()


def play(server, receiver, boxes, place, chance):
    """One round; gives its load."""
    trap = Trap(server, place, chance)
    receiver.answer = trap.answer
    load = Load(boxes, 4, chance.random(), accepted=0.4, callback=receiver.url(), paying=0.3)
    load.start()
    # At the places that wait for a message, the load may end before one comes.
    trap.sprung.wait(chance.uniform(0.05, 0.4) if place in ("any moment", "held") else 3)
    trap.spring()
    server.process.wait()
    load.finish()
    receiver.answer = acknowledge
    return load


def main():
    words = argparse.ArgumentParser()
    words.add_argument("binary")
    words.add_argument("--rounds", type=int, default=10)
    words.add_argument("--seed", type=int, default=int(time.time()))
    options = words.parse_args()
    chance = random.Random(options.seed)
    print(f"callback kills: {options.rounds} rounds, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="kassette-callback-kills-") as folder:
        server = Server(options.binary, os.path.join(folder, "data"), os.path.join(folder, "log"))
        receiver = Receiver()
        try:
            boxes = [server.create(f"CALL-{number}") for number in range(4)]
            secret_of = {box.id: secrets(server, box)[0] for box in boxes}
            small, operations, called_back = small_index(folder), {}, set()
            places = PLACES * (options.rounds // len(PLACES)) + chance.sample(PLACES, options.rounds % len(PLACES))
            chance.shuffle(places)
            for place in places:
                server.config = chance.choice([None, small])
                server.start()
                load = play(server, receiver, boxes, place, chance)
                operations.update(load.operations)
                called_back |= load.called_back
            server.start()
            promised = {(entry[0].id, operation) for operation, entry in operations.items()
                        if operation in called_back and entry[2] is not None}
            check_replay(server, {operation: entry for operation, entry in operations.items() if entry[2] is ACCEPTED}, chance)
            arrived = wait_for(receiver, promised)
            must(server.stop() == 0, "the orderly stop failed")
            stored = check_exports(server, boxes, operations, folder)
            states, again = check_arrivals(receiver.messages, boxes, secret_of)
            for (_, operation), told in states.items():
                must(operation in called_back, f"operation {operation} named no URL and was told of")
                must(operation in stored, f"a message came of operation {operation}, which is not in the journal")
                must(told == STATES, f"operation {operation} was told of as {told}")
            server.run("verify", server.folder)
        except Failed as failure:
            with open(os.path.join(folder, "log"), "rb") as log:
                sys.stderr.buffer.write(log.read()[-8000:])
            print(f"callback kills: FAILED with seed {options.seed}: {failure}")
            return 1
        finally:
            if server.process and server.process.poll() is None:
                server.kill()
    print(f"callback kills: {options.rounds} kills, {len(operations)} operations, {len(promised)} with a promise that was acknowledged, "
          f"{3 * len(states)} messages arrived, {again} of them again, the last {arrived:.1f} s after the last start")
    return 0


def wait_for(receiver, promised, deadline_s=90):
    """Waits until every message of these operations has arrived, and those of any other operation that has begun."""
    begin = time.monotonic()
    seen, taken = {}, 0

    def complete(messages):
        nonlocal taken
        for message in messages[taken:]:
            seen.setdefault((message.cash_box, message.operation), set()).add(message.id)
        taken = len(messages)
        return all(len(seen.get(key, ())) >= len(STATES) for key in promised | seen.keys())

    def missing():
        short = [f"{operation} has {sorted(seen.get((box, operation), ()))}" for box, operation in promised | seen.keys()
                 if len(seen.get((box, operation), ())) < len(STATES)]
        return f"{len(short)} operations lack messages, such as {short[:3]}"

    receiver.wait(complete, deadline_s, missing)
    return time.monotonic() - begin


if __name__ == "__main__":
    sys.exit(main())
