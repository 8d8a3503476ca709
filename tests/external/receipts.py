#!/usr/bin/env python3
"""The receipts of docs/receipts, read by programs that share no code with ours.

Each document is rasterised (poppler), each code in it and in the picture is read back (zbar), and the text is taken out again. Pages are
parsed strictly (html5lib), and have nothing in them that could run or load anything.

usage: receipts.py
"""

import glob
import json
import os
import subprocess
import sys
import tempfile

import html5lib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RECEIPTS = os.path.join(ROOT, "docs", "receipts")
checks = 0


def must(holds, what):
    global checks
    if not holds:
        sys.exit(f"FAILED: {what}")
    checks += 1


def run(*command):
    return subprocess.run(command, capture_output=True, timeout=120, check=True).stdout


def codes(picture):
    # Only QR codes: other kinds are found in noise. Without a session bus zbar complains on its standard error.
    found = run("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", picture).decode()
    return found.rstrip("\n").split("\n")


def page(path, receipt):
    with open(path, encoding="utf-8") as file:
        source = file.read()
    must(len(source.encode()) < 30_000, f"{path} is below 30 KB")
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(source)
    names = {element.tag.rpartition("}")[2] for element in tree.iter() if isinstance(element.tag, str)}
    must(not names & {"script", "img", "link", "iframe", "object", "embed", "form", "input", "base", "image", "use"}, f"elements of {path}")
    attributes = {name for element in tree.iter() for name in element.attrib}
    must(not any(name == "style" or name.startswith("on") or name == "src" for name in attributes), f"attributes of {path}")
    text = "".join(tree.itertext())
    for item in receipt["signatures"]:
        if "payload" in item:
            must(item["payload"] in text, f"the payload as text in {path}")
    must(tree.get("lang") == receipt["language"], f"language of {path}")


def main():
    names = sorted(glob.glob(os.path.join(RECEIPTS, "*.json")))
    must(len(names) >= 5, "one receipt of each market")
    for name in names:
        stem = name.removesuffix(".json")
        with open(name, encoding="utf-8") as file:
            receipt = json.load(file)
        payloads = [item["payload"] for item in receipt["signatures"] if item.get("code") == "QR"]
        must(payloads, f"{stem} has a code")
        must(codes(stem + ".png") == payloads, f"the code in {stem}.png")
        with tempfile.TemporaryDirectory() as folder:
            # 203.2 dots an inch are 8 dots/mm.
            run("pdftoppm", "-r", "203.2", "-gray", stem + ".pdf", os.path.join(folder, "page"))
            pages = sorted(glob.glob(os.path.join(folder, "page*.pgm")))
            must(len(pages) == 1, f"{stem}.pdf is one page")
            must(codes(pages[0]) == payloads, f"the code in {stem}.pdf")
        text = " ".join(run("pdftotext", "-layout", stem + ".pdf", "-").decode().split())
        for item in receipt["items"]:
            must(item["description"] in text, f"{item['description']} in {stem}.pdf")
        for fact in receipt["facts"]:
            must(fact["value"] in text, f"{fact['value']} in {stem}.pdf")
        fonts = run("pdffonts", stem + ".pdf").decode().splitlines()[2:]
        must(len(fonts) == 2 and all(" yes yes yes " in line for line in fonts), f"embedded fonts of {stem}.pdf")
        page(stem + ".html", receipt)
        run("xmllint", "--noout", stem + ".svg")
        must(True, f"{stem}.svg is XML")
    print(f"{checks} checks")


if __name__ == "__main__":
    main()
