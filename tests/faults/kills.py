#!/usr/bin/env python3
"""kill -9 under load, again and again: nothing acknowledged is lost, doubled or changed.

usage: kills.py BINARY [--rounds N] [--seed S]
"""

import argparse
import os
import random
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from till import Failed, Load, Server, check_exports, check_replay, must, small_index  # noqa: E402


def main():
    words = argparse.ArgumentParser()
    words.add_argument("binary")
    words.add_argument("--rounds", type=int, default=100)
    words.add_argument("--seed", type=int, default=int(time.time()))
    options = words.parse_args()
    chance = random.Random(options.seed)
    print(f"kills: {options.rounds} rounds, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="kassette-kills-") as folder:
        server = Server(options.binary, os.path.join(folder, "data"), os.path.join(folder, "log"))
        try:
            boxes = [server.create(f"KILL-{number}") for number in range(6)]
            operations, last, slowest = {}, {}, 0.0
            small = small_index(folder)
            for _ in range(options.rounds):
                server.config = chance.choice([None, small, small])
                slowest = max(slowest, server.start())
                check_replay(server, last, chance, most=60)
                load = Load(boxes, 6, chance.random(), accepted=0.25, paying=0.3)
                load.start()
                time.sleep(chance.uniform(0.05, 0.4))
                server.kill()
                load.finish()
                last = load.operations
                operations.update(last)
            slowest = max(slowest, server.start())
            again = check_replay(server, operations, chance)
            must(server.stop() == 0, "the orderly stop failed")
            stored = check_exports(server, boxes, operations, folder)
            server.run("verify", server.folder)
        except Failed as failure:
            with open(os.path.join(folder, "log"), "rb") as log:
                sys.stderr.buffer.write(log.read()[-8000:])
            print(f"kills: FAILED with seed {options.seed}: {failure}")
            return 1
    print(f"kills: {options.rounds} kills, {again} operations replayed, {len(stored)} receipts and payments stored once, "
          f"slowest start {slowest:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
