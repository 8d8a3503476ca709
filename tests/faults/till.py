"""A till and a server for the fault scripts. Standard library only; traffic goes to loopback only."""

import base64
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
import uuid


class Failed(Exception):
    """What must hold does not hold."""


def must(condition, text):
    if not condition:
        raise Failed(text)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One `kassette serve` on a folder."""

    def __init__(self, binary, folder, log, config=None):
        self.binary, self.folder, self.log, self.config = binary, folder, log, config
        self.port = free_port()
        self.process = None
        # Variables of the process that serves, beside those of the caller.
        self.environment = {}

    def command(self, *words):
        options = ["--data-dir", self.folder] + (["--config", self.config] if self.config else [])
        return [self.binary, *options, *words]

    def run(self, *words, check=True):
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            raise Failed(f"{' '.join(words)} ended with {done.returncode}: {done.stderr.strip()} {done.stdout.strip()}")
        return done

    def create(self, name):
        made = json.loads(self.run("--json", "cashbox", "create", "--market", "at", "--name", name).stdout)
        return CashBox(self, made["cash_box"], made["access_token"])

    def start(self, ready_s=30):
        out = open(self.log, "ab")
        self.process = subprocess.Popen(
            self.command("serve", "--listen", f"127.0.0.1:{self.port}"), stdout=out, stderr=out,
            env={**os.environ, **self.environment})
        out.close()
        begin = time.monotonic()
        while time.monotonic() - begin < ready_s:
            if self.process.poll() is not None:
                raise Failed(f"the server ended with {self.process.returncode}; see {self.log}")
            try:
                if self.get("/readyz")[0] == 200:
                    return time.monotonic() - begin
            except OSError:
                pass
            time.sleep(0.02)
        raise Failed(f"not ready after {ready_s} s; see {self.log}")

    def get(self, path, headers=None):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            link.request("GET", path, headers=headers or {})
            answer = link.getresponse()
            return answer.status, answer.read()
        finally:
            link.close()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, deadline_s=10):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=deadline_s)
        return self.process.returncode


def small_index(folder):
    """A configuration under which some hundred receipts reach every part of the index: runs, merges, a log read from a checkpoint."""
    path = os.path.join(folder, "small.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("[journal]\nindex_gathered_records_max = 40\nopen_scan_bytes_max = 0\n")
    return path


class CashBox:
    def __init__(self, server, cash_box, token):
        self.server, self.id, self.token = server, cash_box, token

    def headers(self, operation):
        return {
            "x-cashbox-id": self.id,
            "x-cashbox-accesstoken": self.token,
            "x-operation-id": operation,
            "content-type": "application/json",
        }

    def post(self, link, path, operation, body, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        link.request("POST", path, body=body, headers={**self.headers(operation), **named})
        answer = link.getresponse()
        return answer.status, answer.read()


def sale(reference, cents):
    amount = f"{cents // 100}.{cents % 100:02d}"
    return json.dumps({
        "cbReceiptReference": reference,
        "cbReceiptMoment": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "ftReceiptCase": 0x4154200000000001,
        "cbChargeItems": [{"Quantity": 1, "Description": "Kaffee", "Amount": float(amount), "VATRate": 20,
                           "ftChargeItemCase": 0x4154200000000013}],
        "cbPayItems": [{"Description": "Bar", "Amount": float(amount), "ftPayItemCase": 0x4154200000000001}],
    }).encode()


def payment(cents):
    return json.dumps({"Action": "payment", "Protocol": "use_auto",
                       "cbPayItem": {"Description": "Card", "Amount": cents / 100}}).encode()


def kind_of(body):
    return "pay" if body.startswith(b'{"Action"') else "sign"


# Stands for the answer of an operation that was accepted with 202: it must end without anybody asking again.
ACCEPTED = object()


class Load:
    """Sign requests on several threads until stopped; remembers every operation and, if there was one, its answer. `accepted` is
    the share that does not wait for its end, `paying` the share that pays at the dummy provider instead; with `callback` every second
    operation names that URL."""

    def __init__(self, boxes, threads, seed, accepted=0.0, callback=None, paying=0.0):
        self.accepted, self.callback, self.called_back, self.paying = accepted, callback, set(), paying
        self.boxes, self.operations, self.lock = boxes, {}, threading.Lock()
        self.stopping = threading.Event()
        self.random = random.Random(seed)
        seeds = [self.random.random() for _ in range(threads)]
        self.threads = [threading.Thread(target=self.work, args=(part,), daemon=True) for part in seeds]

    def start(self):
        for thread in self.threads:
            thread.start()

    def work(self, seed):
        chance = random.Random(seed)
        link = http.client.HTTPConnection("127.0.0.1", self.boxes[0].server.port, timeout=30)
        while not self.stopping.is_set():
            box, operation = chance.choice(self.boxes), str(uuid.UUID(int=chance.getrandbits(128), version=4))
            cents = chance.randrange(1, 100000)
            body = payment(cents) if chance.random() < self.paying else sale(operation, cents)
            with self.lock:
                self.operations[operation] = [box, body, None]
            kind = kind_of(body)
            path = f"/v2/{kind.title()}Request" if chance.random() < self.accepted else f"/v2/{kind}"
            headers = {}
            if self.callback and chance.random() < 0.5:
                headers["x_operation_callback_state"] = self.callback
                self.called_back.add(operation)
            try:
                status, answer = box.post(link, path, operation, body, **headers)
            except (OSError, http.client.HTTPException):
                return
            if status in (201, 202):
                with self.lock:
                    self.operations[operation][2] = answer if status == 201 else ACCEPTED

    def finish(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=60)
            must(not thread.is_alive(), "a till still waits a minute after the server went away")


def check_replay(server, operations, chance, most=None):
    """Every acknowledged operation gets its first answer; every other one is executed once or was executed once."""
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    items = list(operations.items())
    if most is not None and len(items) > most:
        waiting = [item for item in items if item[1][2] in (None, ACCEPTED)]
        ended = [item for item in items if item[1][2] not in (None, ACCEPTED)]
        items = waiting + chance.sample(ended, min(most, len(ended)))
    for operation, entry in items:
        box, body, first = entry
        kind = kind_of(body)
        if first is ACCEPTED:
            path = f"/v2/Block{kind.title()}Request/{operation}/WhileProcessing?timeout=20000"
            status, answer = server.get(path, box.headers(operation))
            must(status == 200, f"operation {operation} was accepted, waiting for its end gets {status}: {answer[:300]}")
            must(json.loads(answer)["State"] == "done", f"operation {operation} was accepted and ended so: {answer[:300]}")
            status, first = server.get(f"/v2/{kind.title()}Response/{operation}", box.headers(operation))
            must(status == 200, f"operation {operation} has ended, its response gets {status}")
            entry[2] = first
        status, answer = box.post(link, f"/v2/{kind}", operation, body)
        if first is not None:
            must(status == 200, f"operation {operation} was acknowledged, a retry gets {status}: {answer[:300]}")
            must(answer == first, f"operation {operation}: a retry gets other bytes than the first answer")
        else:
            must(status in (200, 201), f"operation {operation}: a retry gets {status}: {answer[:300]}")
            entry[2] = answer
    link.close()
    return len(items)


def exported(server, box, folder):
    """The records of the export of a cash box, each with what stands in its header."""
    target = os.path.join(folder, f"{box.id}.ndjson")
    server.run("export", "--cashbox", box.id, "--output", target)
    with open(target, encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            record = json.loads(line)
            yield record, json.loads(base64.b64decode(record["header"])[128:])
    os.remove(target)


def check_exports(server, boxes, operations, folder):
    """Every acknowledged receipt stands once in the export of its cash box; rows and queue rows are dense; no payment goes to its
    provider twice, and none ends without having gone there. Gives the answer of every operation that has ended."""
    found = {}
    for box in boxes:
        row, queue_row, payments = 0, 0, {}
        for record, details in exported(server, box, folder):
            row += 1
            must(record["row"] == row, f"cash box {box.id}: row {record['row']} where {row} should be")
            if "sign" in details:
                queue_row += 1
                must(details["sign"]["queue_row"] == queue_row,
                     f"cash box {box.id}, row {row}: queue row {details['sign']['queue_row']}, not {queue_row}")
            if "payment" in details:
                paid = details["payment"]
                payments.setdefault(paid["operation"], []).append(paid["state"])
            ended = details.get("operation", {}).get("state") in ("done", "failed")
            if ended and details["operation"]["kind"] in ("sign", "pay"):
                operation = details["operation"]["id"]
                must(operation not in found, f"operation {operation} stands twice")
                found[operation] = base64.b64decode(record["response"])
        for operation, states in payments.items():
            must(states == ["intent", "sent", "ended"][:len(states)], f"payment {operation} went through {states}")
            must(states[-1] == "ended" or operation not in operations, f"payment {operation} has not ended: {states}")
    for operation, (_, _, first) in operations.items():
        must(first is not ACCEPTED or operation in found, f"operation {operation} was accepted and never ended")
        if first not in (None, ACCEPTED):
            must(operation in found, f"operation {operation} was acknowledged and is lost")
            must(found[operation] == first, f"operation {operation}: stored bytes differ from the answer")
    return found


def fetch(box, operation):
    return box.server.get(f"/v2/journal/OperationItem/{operation}", box.headers(operation))
