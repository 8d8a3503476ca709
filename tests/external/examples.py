#!/usr/bin/env python3
"""Runs every example of docs/api/guide.md and docs/api/callbacks.md against a fresh demo and compares what it prints.

usage: examples.py BINARY
"""

import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGES = [os.path.join(ROOT, "docs", "api", name) for name in ("guide.md", "callbacks.md")]


def examples(text):
    """Pairs of a shell block and the text block right behind it."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for (kind, shell), (after, expected) in zip(blocks, blocks[1:] + [("", "")]):
        if kind == "sh":
            if after != "text":
                raise SystemExit(f"an example does not say what it prints:\n{shell}")
            yield shell, expected


def fits(expected, printed):
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(pattern + ("" if not expected.strip().endswith("…") else ".*"), printed.strip(), re.DOTALL)


def main():
    with tempfile.TemporaryDirectory(prefix="kassette-examples-") as folder:
        demo = subprocess.Popen(
            [sys.argv[1], "demo", "--data-dir", os.path.join(folder, "data"), "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        environment = dict(os.environ)
        try:
            for line in demo.stdout:
                found = re.search(r"export (KASSETTE_\w+)=(\S+)", line)
                if found:
                    environment[found.group(1)] = found.group(2)
                if found and found.group(1) == "KASSETTE_CALLBACK_SECRET":
                    break
            work = os.path.join(folder, "work")
            os.mkdir(work)
            count = 0
            for page in PAGES:
                with open(page, encoding="utf-8") as text:
                    found = list(examples(text.read()))
                for shell, expected in found:
                    done = subprocess.run(["bash", "-eu", "-c", shell], cwd=work, env=environment,
                                          capture_output=True, text=True, timeout=60)
                    if done.returncode != 0 or not fits(expected, done.stdout):
                        print(f"examples: FAILED\n--- example\n{shell}--- expected\n{expected}--- printed ({done.returncode})\n"
                              f"{done.stdout}{done.stderr}")
                        return 1
                    count += 1
        finally:
            demo.terminate()
            demo.wait(timeout=20)
    print(f"examples: {count} of docs/api print what they say")
    return 0


if __name__ == "__main__":
    sys.exit(main())
