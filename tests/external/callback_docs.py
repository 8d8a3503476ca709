#!/usr/bin/env python3
"""Runs the verifying functions that docs/api/callbacks.md prints, on the message that it shows and on what must be refused.

usage: callback_docs.py     (needs the package `standardwebhooks`)

Python and Node must be there with KASSETTE_CI=1; otherwise a language without its tools is left out with a note. C# is not run
anywhere: no .NET is on the machines that run this.
"""

import base64
import datetime
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "api", "callbacks.md")

# Each reads groups of secret, id, timestamp, signature, body (base64) and time, and prints `true` or `false` for each.
PYTHON = """
import sys
for at in range(1, len(sys.argv), 6):
    *four, body, now = sys.argv[at:at + 6]
    print(str(verify_callback(*four, base64.b64decode(body), int(now))).lower())
"""
NODE = """
for (let at = 2; at < process.argv.length; at += 6) {
  const [secret, id, timestamp, signature, body, now] = process.argv.slice(at, at + 6);
  console.log(verifyCallback(secret, id, timestamp, signature, Buffer.from(body, "base64"), Number(now)));
}
"""
JAVA = """
final class Main {
    public static void main(String[] a) throws Exception {
        for (int at = 0; at < a.length; at += 6) {
            byte[] body = java.util.Base64.getDecoder().decode(a[at + 4]);
            System.out.println(Callbacks.verify(a[at], a[at + 1], a[at + 2], a[at + 3], body, Long.parseLong(a[at + 5])));
        }
    }
}
"""


def must(holds, what):
    if not holds:
        print(f"callback docs: FAILED\n{what}")
        sys.exit(1)


def snippet(page, language):
    found = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    must(len(found) == 1, f"{len(found)} snippets in {language}, one is expected")
    return found[0]


def cases(page):
    """Inputs, and whether they are to be believed."""
    head, body = snippet(page, "http").rstrip("\n").split("\n\n", 1)
    headers = dict(line.split(": ", 1) for line in head.split("\n")[1:])
    id, timestamp, signature = (headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    secret = re.search(r"^`(whsec_[^`]+)`", page, re.MULTILINE).group(1)
    sent_s = int(timestamp)
    other = "whsec_" + base64.b64encode(bytes(32)).decode()
    foreign = "v1," + base64.b64encode(bytes(32)).decode()

    def case(believed, secret=secret, id=id, timestamp=timestamp, signature=signature, body=body, now_s=sent_s):
        encoded = base64.b64encode(body.encode()).decode()
        return believed, [secret, id, timestamp, signature, encoded, str(now_s)]

    answer = (secret, id, sent_s, body, signature)
    return answer, [
        case(True),
        case(True, signature=f"{foreign} {signature}"),
        case(True, signature=f"v1a,AAAA {signature} {foreign}"),
        case(True, now_s=sent_s + 300),
        case(True, now_s=sent_s - 300),
        case(False, now_s=sent_s + 301),
        case(False, now_s=sent_s - 301),
        case(False, secret=other),
        case(False, id=id[:-1] + "4"),
        case(False, timestamp=str(sent_s + 1)),
        case(False, timestamp=f"+{timestamp}"),
        case(False, timestamp=f" {timestamp}"),
        case(False, timestamp=f"{timestamp}\n"),
        case(False, timestamp="noon"),
        case(False, timestamp=""),
        case(False, timestamp="9" * 400),
        case(False, body=body + "\n"),
        case(False, body=body.replace("done", "failed")),
        case(False, body=""),
        case(False, signature=""),
        case(False, signature=signature[3:]),
        case(False, signature="v2" + signature[2:]),
        case(False, signature=signature[:-1]),
        case(False, signature=f"{foreign} v1, v1"),
        case(False, signature="v1,\u00e9\u20ac"),
    ]


def check(language, command, cases, folder):
    arguments = [argument for _, inputs in cases for argument in inputs]
    done = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"})
    must(done.returncode == 0, f"{language}: {done.stdout}{done.stderr}")
    found = done.stdout.split()
    expected = [str(believed).lower() for believed, _ in cases]
    for (believed, inputs), said in zip(cases, found):
        must(said == str(believed).lower(), f"{language} says {said} of {inputs}")
    must(len(found) == len(expected), f"{language} answered {len(found)} of {len(expected)} cases")


def missing(language, tool):
    must(os.environ.get("KASSETTE_CI") != "1" or language == "Java", f"{language}: there is no {tool}")
    print(f"callback docs: {language} is left out, there is no {tool}")


def standard_webhooks(answer):
    """The library of the specification gives the signature of the page."""
    try:
        from standardwebhooks import Webhook
    except ImportError:
        missing("the library", "package standardwebhooks")
        return 0
    secret, id, sent_s, body, signature = answer
    sent = datetime.datetime.fromtimestamp(sent_s, datetime.timezone.utc)
    must(Webhook(secret).sign(id, sent, body) == signature, "standardwebhooks gives another signature")
    return 1


def main():
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    answer, given = cases(page)
    languages = []
    with tempfile.TemporaryDirectory(prefix="kassette-callback-docs-") as folder:
        def write(name, text):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)

        write("verify.py", snippet(page, "python") + PYTHON)
        check("Python", [sys.executable, "verify.py"], given, folder)
        languages.append("Python")
        write("verify.js", snippet(page, "js") + NODE)
        if shutil.which("node"):
            check("JavaScript", ["node", "verify.js"], given, folder)
            languages.append("JavaScript")
        else:
            missing("JavaScript", "node")
        write("Callbacks.java", snippet(page, "java") + JAVA)
        if shutil.which("javac"):
            done = subprocess.run(["javac", "-encoding", "UTF-8", "Callbacks.java"], cwd=folder, capture_output=True, text=True)
            must(done.returncode == 0, f"javac: {done.stderr}")
            check("Java", ["java", "-Dfile.encoding=UTF-8", "Main"], given, folder)
            languages.append("Java")
        else:
            missing("Java", "javac")
    snippet(page, "csharp")
    libraries = standard_webhooks(answer)
    print(f"callback docs: {len(given)} cases in {', '.join(languages)}; C# is not run"
          + ("; standardwebhooks agrees" if libraries else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
