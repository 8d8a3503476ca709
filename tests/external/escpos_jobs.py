#!/usr/bin/env python3
"""Print jobs of a foreign program and of ours say the same: python-escpos, which shares no code with us.

usage: escpos_jobs.py ESCPOS

ESCPOS is the example `escpos` of crates/printing, built. Three things are compared:
- a job of python-escpos (code pages, styles, codes, a picture, drawer, cut) shows on our paper what was asked for;
- the text of each of our sample receipts, printed again line by line by python-escpos, shows the same paper;
- commands that both know have the same bytes.
"""

import os
import subprocess
import sys

PROFILE = "TM-T88V"
SAMPLES = ["at", "de", "es", "fr", "pt"]


class Failed(Exception):
    """The two do not agree."""


def must(condition, text):
    if not condition:
        raise Failed(text)


def run(job, *words):
    done = subprocess.run([sys.argv[1], *words], input=job, capture_output=True, timeout=60)
    must(done.returncode == 0, f"{words} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def shown(job):
    return run(job, "text", PROFILE).decode()


def foreign_job(escpos):
    """What python-escpos makes of a receipt, and what has to be on paper."""
    from PIL import Image

    printer = escpos.Dummy(profile=PROFILE)
    printer.hw("INIT")
    printer.set(align="center", bold=True, double_width=True, double_height=True)
    printer.textln("Café Kassette")
    printer.set(align="left", normal_textsize=True, bold=False)
    # Left alone it takes a page for the euro sign that has had one since 2003 only, and printers' have not.
    printer.charcode("CP858")
    printer.textln("Käse & Brot             3,20 €")
    printer.charcode("AUTO")
    printer.textln("São João, Ångström, Škoda, Ψωμί")
    printer.set(align="center")
    printer.qr("_R1-AT0_external_1", native=True, size=4)
    printer.image(Image.new("1", (64, 24)), impl="bitImageRaster")
    printer.barcode("4006381333931", "EAN13", function_type="B", align_ct=False)
    printer.set(align="left")
    printer.textln("Danke")
    printer.cashdraw(2)
    printer.cut(mode="PART")
    lines = ["Café Kassette", "Käse & Brot             3,20 €", "São João, Ångström, Škoda, Ψωμί", "[QR _R1-AT0_external_1]",
             "[picture 64 x 24 dots]", "[Ean13 4006381333931]", "Danke", "[drawer, pin 2]", "- - -"]
    return printer.output, lines


def again(escpos, text):
    """The lines of a receipt once more, by python-escpos."""
    printer = escpos.Dummy(profile=PROFILE)
    printer.hw("INIT")
    for line in text:
        printer.charcode("CP858" if "€" in line else "AUTO")
        printer.textln(line)
    return printer.output


def main():
    try:
        from escpos import printer as escpos
    except ImportError:
        if os.environ.get("KASSETTE_CI") == "1":
            print("print jobs: FAILED: python-escpos is missing")
            return 1
        print("print jobs: left out, python-escpos is missing")
        return 0
    try:
        job, lines = foreign_job(escpos)
        paper = shown(job)
        at = 0
        for line in lines:
            found = paper.find(line, at)
            must(found >= 0, f"no {line!r} behind the lines before it on\n{paper}")
            at = found + len(line)
        must("unknown" not in paper, f"a command was not understood:\n{paper}")
        must(run(job, "qr", PROFILE) == b"_R1-AT0_external_1\n", "the QR code says something else")
        count = 0
        for sample in SAMPLES:
            ours = run(b"", "job", sample, PROFILE)
            text = [line for line in shown(ours).splitlines() if line.strip() and not line.lstrip().startswith(("[", "- - "))]
            must(len(text) > 10, f"{sample} has {len(text)} lines")
            theirs = [line for line in shown(again(escpos, text)).splitlines() if line.strip()]
            must(theirs == text, f"{sample}: {[pair for pair in zip(text, theirs) if pair[0] != pair[1]]}")
            count += len(text)
            # Their reset, their cut behind no feed, their commands for a QR code of the same size and level.
            payload = run(ours, "qr", PROFILE).decode().rstrip("\n")
            must(ours.startswith(b"\x1b@"), f"{sample} does not begin with a reset")
            if payload:
                size = ours[ours.index(b"\x1d(k\x03\x001C") + 7]
                foreign = escpos.Dummy(profile=PROFILE)
                foreign.qr(payload, native=True, size=size, ec=1)
                for command in [command for command in foreign.output.split(b"\x1d(k") if command][:5]:
                    must(b"\x1d(k" + command.rstrip(b"\n") in ours, f"{sample}: {command!r} of the QR code is not in our job")
    except Failed as failure:
        print(f"print jobs: FAILED: {failure}")
        return 1
    print(f"print jobs: a foreign job of {len(lines)} parts and {count} lines of {len(SAMPLES)} receipts are the same to python-escpos and to us")
    return 0


if __name__ == "__main__":
    sys.exit(main())
