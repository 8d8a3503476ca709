#!/usr/bin/env python3
"""Exports of the binary, checked by programs that share no code with it, and damaged ones, which they must refuse.

usage: verifiers.py BINARY
"""

import glob
import http.client
import json
import os
import subprocess
import sys
import tempfile
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "faults"))
from till import Failed, Server, must  # noqa: E402

VECTORS = os.environ.get("KASSETTE_VECTORS", os.path.join(ROOT, "..", "shared", "vectors"))
JOURNAL = os.path.join(ROOT, "docs", "verify", "verify_journal.py")
DEP7 = os.path.join(ROOT, "docs", "verify", "verify_dep7.py")

AT = 0x4154_2000_0000_0000
VOID, TRAINING, REFUND = 0x0004_0000, 0x0002_0000, 0x0100_0000
RATES = [(20, 0x13), (10, 0x11), (13, 0x12), (0, 0x17), (19, 0x14)]
checks = 0


def accepted(script, *files):
    global checks
    done = subprocess.run([sys.executable, script, *files], capture_output=True, text=True, timeout=300)
    must(done.returncode == 0, f"{os.path.basename(script)} refuses {files}: {done.stdout}{done.stderr}")
    checks += 1
    return done.stdout.strip().splitlines()[-1]


def refused(script, *files):
    global checks
    done = subprocess.run([sys.executable, script, *files], capture_output=True, text=True, timeout=300)
    must(done.returncode != 0, f"{os.path.basename(script)} accepts the damaged {files}")
    must("Traceback" not in done.stderr, f"{os.path.basename(script)} stumbles over {files}: {done.stderr}")
    checks += 1


class Day:
    """A mixed day at one till."""

    def __init__(self, box):
        self.box, self.count = box, 0
        self.link = http.client.HTTPConnection("127.0.0.1", box.server.port, timeout=30)

    def sign(self, case, items=(), state=None):
        self.count += 1
        body = {
            "cbReceiptReference": f"D-{self.count}",
            "ftReceiptCase": AT | case,
            "cbChargeItems": [
                {"Quantity": 1, "Description": f"Ware zu {rate} %", "Amount": cents / 100, "VATRate": rate,
                 "ftChargeItemCase": AT | kind} for (rate, kind), cents in items],
            "cbPayItems": [{"Description": "Bar", "Amount": sum(cents for _, cents in items) / 100,
                            "ftPayItemCase": AT | 1}] if items else [],
        }
        status, answer = self.box.post(self.link, "/v2/sign", str(uuid.uuid4()), json.dumps(body).encode())
        must(status == 201, f"receipt {self.count}: {status} {answer[:400]}")
        receipt = json.loads(answer)
        must(receipt["ftState"] & 0xFFFF_FFFF != 0xEEEE_EEEE, f"receipt {self.count}: {answer[:600]}")
        if state is not None:
            must(receipt["ftState"] & state == state, f"receipt {self.count}: ftState {receipt['ftState']:x}")
        return receipt

    def captions(self, receipt):
        return [signature.get("Caption", "") for signature in receipt["ftSignatures"]]


def mixed_day(server, box):
    day = Day(box)
    for number in range(200):
        day.sign(0x0001, [(RATES[number % 5], 100 + 7 * number), (RATES[(number + 2) % 5], 250)])
        if number % 20 == 5:
            day.sign(0x0001 | VOID, [(RATES[number % 5], -(100 + 7 * number))])
        if number % 20 == 10:
            day.sign(0x0001 | REFUND, [(RATES[0], -333)])
        if number % 20 == 15:
            day.sign(0x0001 | TRAINING, [(RATES[1], 999)])
        if number == 60:
            day.sign(0x2012)
        if number in (80, 140):
            server.run("scu", "fail", box.id)
            for _ in range(3):
                failed = day.sign(0x0001, [(RATES[0], 1200)], state=2)
                must("Sicherheitseinrichtung ausgefallen" in day.captions(failed), f"captions {day.captions(failed)}")
            day.sign(0x0001 | VOID, [(RATES[0], -1200)], state=2)
            server.run("scu", "recover", box.id)
            recovered = day.sign(0x2000)
            must("Sammelbeleg" in day.captions(recovered), f"captions {day.captions(recovered)}")
    day.sign(0x2013)
    day.sign(0x4002)
    return day.count


def damaged(source, target, change):
    with open(source, encoding="utf-8") as file:
        lines = file.read().splitlines()
    with open(target, "w", encoding="utf-8") as file:
        file.write("\n".join(change(lines)) + "\n")


def member(number, name, value):
    def change(lines):
        record = json.loads(lines[number])
        record[name] = value(record[name])
        return lines[:number] + [json.dumps(record)] + lines[number + 1:]
    return change


def flip(text):
    return ("B" if text[20] == "A" else "A").join([text[:20], text[21:]])


def journals(server, box, folder):
    export = os.path.join(folder, "journal.ndjson")
    server.run("export", "--cashbox", box.id, "--output", export)
    print(f"  {accepted(JOURNAL, export)}")
    must(server.run("verify", export).returncode == 0, "our own verifier refuses the export")
    changes = {
        "response": member(50, "response", flip),
        "request": member(60, "request", flip),
        "salt": member(70, "response_salt", flip),
        "header": member(80, "header", flip),
        "hash": member(90, "hash", lambda text: flip(text)),
        "previous": member(100, "previous", lambda text: flip(text)),
        "row": member(30, "row", lambda row: row + 1),
        "missing line": lambda lines: lines[:40] + lines[41:],
        "swapped lines": lambda lines: lines[:40] + [lines[41], lines[40]] + lines[42:],
        "dropped tail": lambda lines: lines[:-3],
        "first line gone": lambda lines: lines[:1] + lines[2:],
        "nothing but the header": lambda lines: lines[:1],
    }
    for name, change in changes.items():
        target = os.path.join(folder, f"damaged {name}.ndjson")
        damaged(export, target, change)
        refused(JOURNAL, target)
        must(server.run("verify", target, check=False).returncode == 1, f"our own verifier accepts: {name}")


def deps(server, box, folder):
    dep, crypto = os.path.join(folder, "dep.json"), os.path.join(folder, "crypto.json")
    server.run("export", "--cashbox", box.id, "--market", "at", "--output", dep)
    server.run("export", "--cashbox", box.id, "--market", "at", "--crypto-material", "--output", crypto)
    print(f"  {accepted(DEP7, dep, crypto)}")
    print(f"  {accepted(DEP7, dep)}")
    with open(dep, encoding="utf-8") as file:
        content = json.load(file)
    receipts = content["Belege-Gruppe"][0]["Belege-kompakt"]
    must(len(receipts) > 200, f"only {len(receipts)} receipts in the DEP")
    kept = list(receipts)
    for name, change in {
        "missing": lambda: receipts.pop(100),
        "doubled": lambda: receipts.insert(100, receipts[99]),
        "swapped": lambda: receipts.__setitem__(slice(100, 102), [receipts[101], receipts[100]]),
        "signature": lambda: receipts.__setitem__(100, receipts[100][:-30] + flip(receipts[100][-30:])),
        "no start": lambda: receipts.pop(0),
    }.items():
        receipts[:] = kept
        change()
        target = os.path.join(folder, f"dep {name}.json")
        with open(target, "w", encoding="utf-8") as file:
            json.dump(content, file)
        refused(DEP7, target, crypto)


def authority_vectors():
    found = sorted(glob.glob(os.path.join(VECTORS, "at", "bmf-generated", "*", "*", "dep-export.json")))
    if not found:
        must(os.environ.get("KASSETTE_CI") != "1", f"no vectors in {VECTORS}")
        print(f"  vectors left out: none in {VECTORS}")
        return
    for dep in found:
        accepted(DEP7, dep, os.path.join(os.path.dirname(dep), "cryptographicMaterialContainer.json"))
    crypto = os.path.join(VECTORS, "at", "bmf-generated", "closed-8byte", "TESTSUITE_TEST_SZENARIO_1",
                          "cryptographicMaterialContainer.json")
    negative = sorted(glob.glob(os.path.join(VECTORS, "at", "negative", "*.json")))
    for dep in negative:
        refused(DEP7, dep, crypto)
    print(f"  {len(found)} foreign DEPs accepted, {len(negative)} damaged ones refused")


def main():
    with tempfile.TemporaryDirectory(prefix="kassette-verifiers-") as folder:
        server = Server(sys.argv[1], os.path.join(folder, "data"), os.path.join(folder, "log"))
        try:
            box = server.create("DAY-1")
            server.start()
            count = mixed_day(server, box)
            print(f"  a mixed day of {count} receipts and the start receipt")
            journals(server, box, folder)
            deps(server, box, folder)
            must(server.stop() == 0, "the orderly stop failed")
            server.run("verify", server.folder)
            authority_vectors()
        except Failed as failure:
            print(f"verifiers: FAILED: {failure}")
            return 1
        finally:
            if server.process and server.process.poll() is None:
                server.kill()
    print(f"verifiers: {checks} checks by programs that share no code with ours")
    return 0


if __name__ == "__main__":
    sys.exit(main())
