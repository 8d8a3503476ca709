#!/usr/bin/env python3
"""Line cuts and kill -9 in the middle of payments at terminals: what the till was told is what was charged, and nobody is charged twice.

usage: terminal_faults.py BINARY [--cuts N] [--kills N] [--seed S]

The server and each simulated terminal are processes of their own; a pseudo terminal is the line. Every payment has an amount of its own, so
that the ledger of the terminals, which forgets nothing, is compared with the answers and with the journal one by one.
"""

import argparse
import base64
import http.client
import json
import math
import os
import random
import sys
import tempfile
import threading
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from terminal import Terminal  # noqa: E402
from till import Failed, Server, exported, must  # noqa: E402

# They differ in what they do when nobody takes their result, and when the line breaks. Behind each its share of the cuts: one that goes on
# may hold a result that nobody took for 30 s before it decides by itself.
TERMINALS = {
    "de-goes-on": ("flavour:germany,on-drop:goes-on", 0.05),
    "de-stops": ("flavour:germany,on-drop:stops", 0.45),
    "at-goes-on": ("flavour:austria,on-drop:goes-on", 0.05),
    "at-stops": ("flavour:austria,on-drop:stops", 0.45),
}
# One that goes on takes part in the first of so many kills only.
KILLS_BETWEEN = 10
# How soon after the charge a kill comes that is meant to hit the result, its acknowledgement or the receipts.
CHARGED_S = 0.04
# Waits that do not make the test long.
CONFIG = """[devices]
answer_timeout_ms = 1000
completion_timeout_ms = 1500
probe_confirm_ms = 100
poll_every_ms = 1000
"""
SLOW = "slow:200"
# A payment has more bytes in each direction, so that a break behind so many comes in the middle of it.
SENT_BYTES, RECEIVED_BYTES = 300, 60
# Longest wait for the end of a payment, with several kills in between.
END_S = 120
DONE, REFUSED = (200, 201), (400, 502)
NOT_SENT = "terminal not reached"


class Payment:
    def __init__(self, till, cents):
        self.till, self.cents, self.calls, self.faults = till, cents, 0, []
        self.operation = str(uuid.UUID(int=till.chance.getrandbits(128), version=4))
        self.body = (f'{{"Action":"payment","Protocol":"zvt","cbTerminalID":"{till.terminal.name}",'
                     f'"cbPayItem":{{"Description":"Card","Amount":{cents // 100}.{cents % 100:02d}}}}}').encode()
        self.status, self.answer = None, None

    def call(self):
        """Status and answer; no status when there was none."""
        link = http.client.HTTPConnection("127.0.0.1", self.till.box.server.port, timeout=120)
        try:
            return self.till.box.post(link, "/v2/pay", self.operation, self.body)
        except (OSError, http.client.HTTPException):
            return None, b""
        finally:
            link.close()

    def pay(self):
        """Calls until there is an end."""
        begin = time.monotonic()
        while True:
            self.calls += 1
            status, answer = self.call()
            if status in DONE + REFUSED:
                self.status, self.answer = status, answer
                return
            must(status in (None, 422, 503), f"payment {self.operation} gets {status}: {answer[:400]}")
            must(time.monotonic() - begin < END_S, f"payment {self.operation} has no end after {END_S} s: {status} {answer[:400]}")
            time.sleep(0.05)

    def told(self):
        """What the till was told, in words and in cents."""
        if self.status in DONE:
            return "paid", round(json.loads(self.answer)["ftPayItems"][0]["Amount"] * 100)
        return json.loads(self.answer)["title"].lower(), 0


class Till(threading.Thread):
    """Pays at its terminal. The first payment is left alone, then come so many cuts, then a payment whenever it is told to go."""

    def __init__(self, box, terminal, drops, pulls, amounts, seed):
        super().__init__(daemon=True)
        self.box, self.terminal, self.amounts, self.chance = box, terminal, amounts, random.Random(seed)
        self.drops, self.pulls, self.cuts = drops, pulls, 0
        self.payments, self.open, self.span_s, self.failure = [], None, None, None
        self.began, self.go, self.over = threading.Event(), threading.Event(), threading.Event()

    def run(self):
        try:
            while self.is_cutting():
                self.one_payment()
            while not self.over.is_set():
                if self.go.wait(0.1):
                    self.go.clear()
                    self.one_payment()
        except Exception as failure:  # pylint: disable=broad-exception-caught
            self.failure = failure

    def is_cutting(self):
        return self.span_s is None or self.drops > 0 or self.pulls > 0

    def one_payment(self):
        payment = Payment(self, self.amounts.pop())
        self.payments.append(payment)
        dropped = self.terminal.count("dropped")
        cutter = None
        if self.span_s is not None and self.drops == 0 and self.pulls > 0:
            cutter = threading.Thread(target=self.pull, args=(payment,), daemon=True)
            cutter.start()
        begin = time.monotonic()
        self.open = payment
        self.began.set()
        payment.pay()
        self.open = None
        if cutter:
            cutter.join()
        if payment.told()[0] == NOT_SENT:
            # The terminal was not served again yet: it was not in the middle of anything. Nobody tries that fast.
            time.sleep(0.2)
            return
        if self.terminal.count("dropped") > dropped:
            payment.faults.append("drop")
            self.cuts, self.drops = self.cuts + 1, self.drops - 1
        if "pull" in payment.faults or "power" in payment.faults:
            self.cuts, self.pulls = self.cuts + 1, self.pulls - 1
        if self.span_s is None and payment.status in DONE:
            self.span_s = time.monotonic() - begin

    def pull(self, payment):
        """Takes the line or the power away at some moment of the payment, and gives it back."""
        time.sleep(self.chance.uniform(0, self.span_s))
        if self.open is not payment:
            return
        if self.chance.random() < 0.25:
            payment.faults.append("power")
            self.terminal.type("power", "power_cycled")
        else:
            payment.faults.append("pull")
            self.terminal.type("pull", "pulled")
            time.sleep(self.chance.choice([0, 0, 0.1, 0.5]))
            self.terminal.type("put", "waiting")


def script(conduct, drops, chance):
    """What the payments at a terminal come to: one that is left alone, so many breaks of the line, then slow customers."""
    words = [SLOW]
    for _ in range(drops):
        way, most = chance.choice([("sent", SENT_BYTES), ("received", RECEIVED_BYTES)])
        words.append(f"drop-{way}:{chance.randrange(1, most)}")
    return ",".join([*words, f"default:{SLOW}", conduct])


def wait_until(condition, what, tills, deadline_s=240):
    begin = time.monotonic()
    while True:
        for till in tills:
            if till.failure:
                raise till.failure
        if condition():
            return
        must(time.monotonic() - begin < deadline_s, f"{what}: not within {deadline_s} s")
        time.sleep(0.02)


def kill(server, tills, chance, number):
    """Kills the server in the middle of a payment and starts it again."""
    while True:
        charges = sum(till.terminal.count("ledger") for till in tills)
        for till in tills:
            till.began.clear()
            if "goes-on" not in till.terminal.script or number % KILLS_BETWEEN == 0:
                till.go.set()
        wait_until(lambda: any(till.began.is_set() for till in tills), "a payment begins", tills)
        time.sleep(chance.uniform(0, max(till.span_s for till in tills)))
        hit = [till.open for till in tills]
        if any(till.open for till in tills if till.began.is_set()):
            server.kill()
            for payment in filter(None, hit):
                payment.faults.append("kill")
            return server.start()


def check_replay(payments):
    for payment in payments:
        status, answer = payment.call()
        wanted = 200 if payment.status in DONE else payment.status
        must(status == wanted, f"payment {payment.operation} ended with {payment.status}, a repeat gets {status}: {answer[:400]}")
        must(answer == payment.answer, f"payment {payment.operation}: a repeat gets other bytes than the first answer")


def journal_of(server, box, folder):
    """By operation: the states that a payment went through, and the answer that is stored."""
    states, answers = {}, {}
    for record, details in exported(server, box, folder):
        if "payment" in details:
            states.setdefault(details["payment"]["operation"], []).append(details["payment"]["state"])
        about = details.get("operation", {})
        if about.get("kind") == "pay" and about.get("state") in ("done", "failed"):
            must(about["id"] not in answers, f"payment {about['id']} ends twice")
            answers[about["id"]] = base64.b64decode(record["response"])
    return states, answers


def compare(tills, states, answers):
    """The ledgers beside what the tills were told; they have to say the same."""
    wrong, seen = [], set()
    print(f"  {'terminal':<11}{'cents':>7} | {'its ledger':<34} | {'what the till was told':<48} | steps in the journal; faults")
    for till in tills:
        entries = till.terminal.ledger()["entries"]
        for payment in till.payments:
            own = [entry for entry in entries if entry["amount_cents"] == payment.cents]
            seen.update(entry["receipt_number"] for entry in own)
            charged = [entry["amount_cents"] for entry in own if entry["state"] == "charged" and entry["kind"] == "payment"]
            word, cents = payment.told()
            found = ", ".join(f"receipt {entry['receipt_number']:04} {entry['state']}" for entry in own) or "nothing"
            path = states.get(payment.operation, [])
            print(f"  {till.terminal.name:<11}{payment.cents:>7} | {found:<34} | {payment.status} {word[:34]:<35}{cents:>8} | "
                  f"{' '.join(path)}; {' '.join(payment.faults) or '-'}, calls {payment.calls}")
            if charged != ([payment.cents] if payment.status in DONE else []) or cents != sum(charged):
                wrong.append(f"payment {payment.operation} of {payment.cents}: charged {charged}, told {payment.status} {cents}")
            if len(own) > 1:
                wrong.append(f"payment {payment.operation} of {payment.cents} was sent {len(own)} times")
            if not path or path[-1] != "ended" or path.count("sent") > 1:
                wrong.append(f"payment {payment.operation} went through {path}")
            if answers.get(payment.operation) != payment.answer:
                wrong.append(f"payment {payment.operation}: stored bytes differ from the answer")
        strange = [entry for entry in entries if entry["receipt_number"] not in seen]
        wrong += [f"terminal {till.terminal.name} made {strange}, of which no till knows"] if strange else []
        seen.clear()
        told = sum(payment.told()[1] for payment in till.payments)
        net = till.terminal.ledger()["net_cents"]
        print(f"  {till.terminal.name:<11}{'sum':>7} | {net:>34} | {told:>48} |")
        if net != told:
            wrong.append(f"terminal {till.terminal.name} has charged {net} in all, its till was told {told}")
    must(not wrong, "; ".join(wrong))


def play(options, server, terminals, folder, chance):
    amounts = chance.sample(range(100, 100_000), 20 * (options.cuts + options.kills) + 200)
    tills = []
    for terminal in terminals:
        box = server.create(terminal.name.upper())
        server.run("terminal", "add", box.id, "--name", "bar", "--address", f"serial:{terminal.link}:115200",
                   "--terminal-id", terminal.name)
        drops = terminal.script.count("drop-sent") + terminal.script.count("drop-received")
        tills.append(Till(box, terminal, drops, math.ceil(options.cuts * TERMINALS[terminal.name][1]) - drops, amounts, chance.random()))
    server.start()
    for till in tills:
        till.start()
    # One terminal may still hold a result for its 30 s; its cuts go on beside the kills.
    wait_until(lambda: sum(till.is_cutting() for till in tills) <= 1 and all(till.span_s for till in tills), "the cuts", tills)
    slowest = max([kill(server, tills, chance, number) for number in range(options.kills)], default=0)
    for till in tills:
        till.over.set()
    wait_until(lambda: not any(till.is_alive() for till in tills), "the last payments end", tills)
    payments = [payment for till in tills for payment in till.payments]
    check_replay(payments)
    must(server.stop() == 0, "the orderly stop failed")
    states, answers = {}, {}
    for till in tills:
        for all_of_them, found in zip((states, answers), journal_of(server, till.box, folder)):
            all_of_them.update(found)
    compare(tills, states, answers)
    server.run("verify", server.folder)
    # Each comes in the middle of a payment, and never fewer than asked for.
    cuts = sum(till.cuts for till in tills)
    must(cuts >= options.cuts, f"{cuts} cuts instead of {options.cuts}")
    doubted = sum("unknown" in path for path in states.values())
    hit = sum(bool(payment.faults) for payment in payments)
    paid = sum(payment.status in DONE for payment in payments)
    return (f"{cuts} cuts and {options.kills} kills hit {hit} of {len(payments)} payments, {doubted} came into doubt; {paid} paid and "
            f"{len(payments) - paid} refused as the ledgers say, slowest start {slowest:.2f} s")


def main():
    words = argparse.ArgumentParser()
    words.add_argument("binary")
    words.add_argument("--cuts", type=int, default=20)
    words.add_argument("--kills", type=int, default=10)
    words.add_argument("--seed", type=int, default=int(time.time()))
    options = words.parse_args()
    chance = random.Random(options.seed)
    print(f"terminal faults: {options.cuts} cuts, {options.kills} kills, seed {options.seed}", flush=True)
    begin, terminals, server = time.monotonic(), [], None
    with tempfile.TemporaryDirectory(prefix="kassette-terminal-faults-") as folder:
        try:
            config = os.path.join(folder, "quick.toml")
            with open(config, "w", encoding="utf-8") as file:
                file.write(CONFIG)
            server = Server(options.binary, os.path.join(folder, "data"), os.path.join(folder, "log"), config)
            for name, (conduct, share) in TERMINALS.items():
                text = script(conduct, math.ceil(options.cuts * share) // 2, chance)
                terminals.append(Terminal(options.binary, folder, name, text, options.seed))
            said = play(options, server, terminals, folder, chance)
            for terminal in terminals:
                terminal.stop()
        except Failed as failure:
            with open(os.path.join(folder, "log"), "rb") as log:
                sys.stderr.buffer.write(log.read()[-8000:])
            print(f"terminal faults: FAILED with seed {options.seed}: {failure}")
            return 1
        finally:
            for terminal in terminals:
                terminal.kill()
            if server and server.process and server.process.poll() is None:
                server.kill()
    print(f"terminal faults: {said}, {time.monotonic() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
