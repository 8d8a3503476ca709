#!/usr/bin/env python3
"""Emulated power cuts: ext4 on a loop device is shut down without flushing its log, then mounted again.

usage: power_cuts.py BINARY [--rounds N] [--seed S]     (as root)
"""

import argparse
import fcntl
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from till import Failed, Load, Server, check_exports, check_replay, must, small_index  # noqa: E402

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2


def system(*words):
    subprocess.run(words, check=True, capture_output=True)


def cut_power(mount):
    folder = os.open(mount, os.O_RDONLY)
    try:
        fcntl.ioctl(folder, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
    finally:
        os.close(folder)


def left_out(reason):
    if os.environ.get("KASSETTE_CI") == "1":
        print(f"power cuts: FAILED: {reason}")
        return 1
    print(f"power cuts: left out: {reason}")
    return 0


def main():
    words = argparse.ArgumentParser()
    words.add_argument("binary")
    words.add_argument("--rounds", type=int, default=20)
    words.add_argument("--seed", type=int, default=int(time.time()))
    options = words.parse_args()
    if os.geteuid() != 0:
        return left_out("only root can mount a loop device")
    chance = random.Random(options.seed)
    print(f"power cuts: {options.rounds} rounds, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="kassette-power-") as folder:
        image, mount, log = (os.path.join(folder, name) for name in ("image", "mount", "log"))
        os.mkdir(mount)
        try:
            with open(image, "wb") as file:
                file.truncate(512 * 1024 * 1024)
            system("mkfs.ext4", "-q", "-F", image)
            system("mount", "-o", "loop", image, mount)
        except (OSError, subprocess.CalledProcessError) as error:
            return left_out(f"no ext4 on a loop device: {error}")
        server = Server(options.binary, os.path.join(mount, "data"), log)
        try:
            boxes = [server.create(f"POWER-{number}") for number in range(4)]
            os.sync()
            operations, last = {}, {}
            small = small_index(folder)
            for _ in range(options.rounds):
                server.config = chance.choice([None, small])
                server.start()
                check_replay(server, last, chance, most=40)
                load = Load(boxes, 6, chance.random(), accepted=0.25)
                load.start()
                time.sleep(chance.uniform(0.1, 0.8))
                cut_power(mount)
                server.kill()
                load.finish()
                last = load.operations
                operations.update(last)
                system("umount", mount)
                system("mount", "-o", "loop", image, mount)
            server.start()
            again = check_replay(server, operations, chance)
            must(server.stop() == 0, "the orderly stop failed")
            stored = check_exports(server, boxes, operations, folder)
            server.run("verify", server.folder)
        except Failed as failure:
            with open(log, "rb") as text:
                sys.stderr.buffer.write(text.read()[-8000:])
            print(f"power cuts: FAILED with seed {options.seed}: {failure}")
            return 1
        finally:
            if server.process and server.process.poll() is None:
                server.kill()
            subprocess.run(["umount", mount], capture_output=True)
    print(f"power cuts: {options.rounds} cuts, {again} operations replayed, {len(stored)} receipts stored once")
    return 0


if __name__ == "__main__":
    sys.exit(main())
