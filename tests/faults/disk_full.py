#!/usr/bin/env python3
"""A full device: a clear 507, no number burnt, reads still served, signing resumes when space returns.

usage: disk_full.py BINARY     (as root: it mounts a small tmpfs)
"""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from till import Failed, Server, check_exports, fetch, must, sale  # noqa: E402

CONFIG = "[journal]\nsegment_bytes = 1048576\nfirst_segment_bytes = 1048576\n"
FILLED_BYTES = 16 * 1024 * 1024


def fill(server, box, operations, most):
    """Signs until the device is full; gives the operation that was refused."""
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    for _ in range(most):
        operation = str(uuid.uuid4())
        body = sale(operation + "x" * 900, 100)
        status, answer = box.post(link, "/v2/sign", operation, body)
        if status == 507:
            problem = json.loads(answer)
            must(problem["code"] == "storage-full", f"507 with code {problem['code']}")
            must(problem["stored"] is False and problem["retry"] == "same-id", f"507 says {problem}")
            return operation, body
        must(status in (200, 201), f"while filling: {status} {answer[:300]}")
        operations[operation] = [box, body, answer]
    raise Failed(f"the device was not full after {most} receipts")


def resume(server, box, operation, body, patience_s=60):
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    begin = time.monotonic()
    while time.monotonic() - begin < patience_s:
        status, answer = box.post(link, "/v2/sign", operation, body)
        if status == 201:
            return answer, time.monotonic() - begin
        must(status in (503, 507), f"after space returned: {status} {answer[:300]}")
        time.sleep(0.2)
    raise Failed(f"signing did not resume within {patience_s} s after space returned")


def scenario(server, folder, mount):
    box = server.create("FULL-1")
    ballast = os.path.join(mount, "ballast")
    with open(ballast, "wb") as file:
        file.write(b"\0" * FILLED_BYTES)
    server.start()
    operations = {}
    operation, body = fill(server, box, operations, 20000)
    before = len(operations)
    some = next(iter(operations))
    status, answer = fetch(box, some)
    must(status == 200 and json.loads(answer)["cbOperationItemID"] == some, f"a read while full gets {status}")
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    status, answer = box.post(link, "/v2/sign", some, operations[some][1])
    must(status == 200 and answer == operations[some][2], f"a replay while full gets {status}")
    status, text = server.get("/readyz")
    must(b"space" in text.lower(), f"readyz does not name the full device: {text[:300]}")
    os.remove(ballast)
    first, waited = resume(server, box, operation, body)
    operations[operation] = [box, body, first]
    for _ in range(50):
        again = str(uuid.uuid4())
        body = sale(again, 100)
        status, answer = box.post(link, "/v2/sign", again, body)
        must(status == 201, f"after resuming: {status} {answer[:300]}")
        operations[again] = [box, body, answer]
    must(server.stop() == 0, "the orderly stop failed")
    stored = check_exports(server, [box], operations, folder)
    server.run("verify", server.folder)
    print(f"disk full: refused after {before} receipts, signing resumed {waited:.1f} s after space returned, "
          f"{len(stored)} receipts stored once, numbering dense")


def main():
    binary = sys.argv[1]
    if os.geteuid() != 0:
        print("disk full: left out: only root can mount a tmpfs")
        return 1 if os.environ.get("KASSETTE_CI") == "1" else 0
    with tempfile.TemporaryDirectory(prefix="kassette-full-") as folder:
        mount, log, config = (os.path.join(folder, name) for name in ("mount", "log", "kassette.toml"))
        os.mkdir(mount)
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", mount], check=True)
        server = Server(binary, os.path.join(mount, "data"), log, config)
        try:
            scenario(server, folder, mount)
        except Failed as failure:
            with open(log, "rb") as text:
                sys.stderr.buffer.write(text.read()[-8000:])
            print(f"disk full: FAILED: {failure}")
            return 1
        finally:
            if server.process and server.process.poll() is None:
                server.kill()
            subprocess.run(["umount", mount], capture_output=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
