#!/usr/bin/env python3
"""Runs what docs/api/callbacks.md says about verifying a callback: each language against the known answer and against what must fail.

usage: callback_docs.py

Python and Node are always needed; Java is left out, and said so, where there is none. The official library has the last word on the known
answer. C# is not run.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PAGE = pathlib.Path(__file__).parents[2] / "docs/api/callbacks.md"


def block(text, language):
    return re.search(rf"```{language}\n(.*?)```", text, re.S).group(1)


def known_answer(text):
    """The message that the page shows, and its secret."""
    head, body = block(text, "text").rstrip("\n").split("\n\n", 1)
    headers = dict(line.split(": ", 1) for line in head.split("\n")[1:])
    return re.search(r"`(whsec_[^`]+)`", text).group(1), headers, body


def cases(secret, headers, body):
    """What is asked of each language: secret, headers, body, time, and whether it is right."""
    now = int(headers["webhook-timestamp"])
    other = secret.replace("AAEC", "BAEC")
    signature = headers["webhook-signature"]
    changed = {**headers, "webhook-id": headers["webhook-id"][:-1] + "4"}
    rotated = {**headers, "webhook-signature": "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= " + signature}
    other_version = {**headers, "webhook-signature": signature.replace("v1,", "v2,")}
    return [
        (secret, headers, body, now, True),
        (secret, rotated, body, now + 300, True),
        (secret, headers, body, now + 301, False),
        (secret, headers, body, now - 301, False),
        (secret, headers, body.replace("done", "gone"), now, False),
        (secret, changed, body, now, False),
        (secret, other_version, body, now, False),
        (other, headers, body, now, False),
    ]


def python(code, asked):
    scope = {}
    exec(compile(code, str(PAGE), "exec"), scope)
    return [scope["is_ours"](secret, headers, body.encode(), now) for secret, headers, body, now, _ in asked]


def node(code, asked):
    script = code + (
        "const asked = JSON.parse(require('node:fs').readFileSync(0));"
        "console.log(JSON.stringify(asked.map(([s, h, b, n]) => isOurs(s, h, Buffer.from(b), n))));"
    )
    done = subprocess.run(["node", "-e", script], input=json.dumps(asked).encode(), capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)


def java(code, asked):
    def literal(text):
        return json.dumps(text)

    lines = []
    for secret, headers, body, now, _ in asked:
        pairs = ", ".join(f"{literal(name)}, {literal(value)}" for name, value in headers.items())
        lines.append(
            f"System.out.println(isOurs({literal(secret)}, Map.of({pairs}), {literal(body)}.getBytes(\"UTF-8\"), {now}L));"
        )
    main = "    public static void main(String[] words) throws Exception {\n" + "\n".join(lines) + "\n    }\n}\n"
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "Callbacks.java"
        path.write_text(code.rstrip().removesuffix("}") + main)
        done = subprocess.run(["java", str(path)], capture_output=True, text=True, check=True, timeout=120)
    return [line == "true" for line in done.stdout.split()]


def main():
    text = PAGE.read_text()
    secret, headers, body = known_answer(text)
    asked = cases(secret, headers, body)
    expected = [right for *_, right in asked]
    ran = []
    for language, run, tool in [("python", python, "python3"), ("javascript", node, "node"), ("java", java, "java")]:
        if shutil.which(tool) is None:
            if os.environ.get("KASSETTE_CI") == "1" and language != "java":
                sys.exit(f"callback docs: {tool} is missing")
            print(f"callback docs: {language} left out, there is no {tool}")
            continue
        found = run(block(text, language), asked)
        if found != expected:
            sys.exit(f"callback docs: {language} says {found} where {expected} is right")
        ran.append(language)
    try:
        import datetime

        from standardwebhooks import webhooks
    except ImportError:
        if os.environ.get("KASSETTE_CI") == "1":
            sys.exit("callback docs: the package standardwebhooks is missing")
        print("callback docs: the official library left out, it is not installed")
    else:
        moment = datetime.datetime.fromtimestamp(int(headers["webhook-timestamp"]), datetime.timezone.utc)
        signed = webhooks.Webhook(secret).sign(headers["webhook-id"], moment, body)
        if signed != headers["webhook-signature"]:
            sys.exit(f"callback docs: the official library signs {signed}")
        ran.append("the official library")
    print(f"callback docs: {len(asked)} cases each by {', '.join(ran)}")


if __name__ == "__main__":
    main()
