"""A simulated payment terminal in a process of its own, for the fault scripts. Standard library only."""

import json
import os
import subprocess
import threading

from till import Failed, must


class Terminal:
    """One `kassette simulate terminal --pty`; its ledger file says what was really charged."""

    def __init__(self, binary, folder, name, script, seed):
        self.name, self.script = name, script
        self.link, self.ledger_file = os.path.join(folder, name), os.path.join(folder, f"{name}.json")
        self.changed = threading.Condition()
        self.counts = {}
        self.process = subprocess.Popen(
            [binary, "--json", "simulate", "terminal", "--pty", "--link", self.link, "--script", script, "--seed", str(seed),
             "--ledger", self.ledger_file, "--until-stdin-closes"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.wait("waiting", 1)

    def read(self):
        for line in self.process.stdout:
            event = json.loads(line)["event"]
            with self.changed:
                self.counts[event] = self.counts.get(event, 0) + 1
                self.changed.notify_all()

    def count(self, event):
        with self.changed:
            return self.counts.get(event, 0)

    def wait(self, event, times, deadline_s=30):
        """Waits until something has happened so many times since the start."""
        with self.changed:
            done = self.changed.wait_for(lambda: self.counts.get(event, 0) >= times, deadline_s)
        must(done, f"terminal {self.name}: no {event} within {deadline_s} s, only {self.counts}")

    def type(self, word, event):
        """Types a word and waits until it is obeyed."""
        times = self.count(event) + 1
        try:
            self.process.stdin.write(f"{word}\n")
            self.process.stdin.flush()
        except OSError as error:
            raise Failed(f"terminal {self.name} has ended: {error}") from error
        self.wait(event, times)

    def ledger(self):
        with open(self.ledger_file, encoding="utf-8") as file:
            return json.load(file)

    def stop(self):
        try:
            _, errors = self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failed(f"terminal {self.name} does not end") from None
        must(self.process.returncode == 0, f"terminal {self.name} ended with {self.process.returncode}: {errors}")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
