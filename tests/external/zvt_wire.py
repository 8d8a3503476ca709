#!/usr/bin/env python3
"""What a register and a terminal say to each other, decoded by a program that shares no code with ours: tshark.

usage: zvt_wire.py DIALOGUE

DIALOGUE is the example `zvt_dialogue` of crates/payments, built. Limits of tshark: it ends its look at a message at BMP 88, which our
terminal does not send, and at BMP 60 (the totals of an end of day); of 05 01, 06 02, 06 20 and 06 B0 it knows nothing, so that only their
bytes are compared.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

REGISTER_PORT, TERMINAL_PORT = 50000, 20007
FIELDS = ["tcp.srcport", "tcp.payload", "zvt.control_field", "zvt.ccrc", "zvt.result_code", "zvt.amount", "zvt.trace_number", "zvt.terminal_id", "zvt.cc",
          "zvt.int_status", "zvt.tlv.text_lines.line"]
TERMINAL_ID, EURO = "52500001", "978"

# Each part of the dialogue as lines: who speaks (R the register, T the terminal), control fields (`ok` is an answer 80 00; in parentheses
# the bytes of a command that tshark does not know), then what else has to be there, and nothing more. Amounts are in cents.
INSERT = ("T ok 04ff", "status=0a", "text=please insert card")
HOST = ("T 04ff", "status=04", "text=waiting for the host")
ASKED_HOST = [INSERT, ("R ok",), HOST, ("R ok",)]
RECEIPT = [("T 06d3",), ("R ok",)]
COMPLETED = [("T 060f",), ("R ok",)]


def result(code, cents, trace):
    return [("T 040f", f"code={code}", f"amount={cents}", f"trace={trace:06}", f"id={TERMINAL_ID}", f"currency={EURO}"), ("R ok",)]


DIALOGUE = {
    # A terminal that has no transaction is asked twice.
    "registration": [("R 0600", f"currency={EURO}"), ("T ok 060f", f"id={TERMINAL_ID}", f"currency={EURO}"), ("R ok (0620051234560303)",), ("T ok 061e", "code=83"),
                     ("R ok (0620051234560303)",), ("T ok 061e", "code=83"), ("R ok",)],
    "payment": [("R 0601", "amount=1840", f"currency={EURO}"), *ASKED_HOST, *result("00", 1840, 1), *RECEIPT, *RECEIPT, *COMPLETED],
    "declined payment": [("R 0601", "amount=999999999999", f"currency={EURO}"), *ASKED_HOST, *result("05", 999999999999, 2), *RECEIPT,
                         ("T 061e", "code=05"), ("R ok",)],
    "refund": [("R 0631", "amount=505", f"currency={EURO}"), *ASKED_HOST, *result("00", 505, 3), *RECEIPT, *RECEIPT, *COMPLETED],
    "reversal": [("R 0630", "amount=1840", f"currency={EURO}"), *ASKED_HOST, *result("00", 1840, 4), *RECEIPT, *RECEIPT, *COMPLETED],
    "abort": [("R 0601", "amount=7", f"currency={EURO}"), INSERT, ("R ok",), ("R (06b000)",), ("T ok 040f", "code=6c"), ("R ok",),
              ("T 061e", "code=6c"), ("R ok",)],
    "last result": [("R (0620051234560303)",), ("T ok 040f", "code=00", "amount=1840", "trace=000004", f"id={TERMINAL_ID}", f"currency={EURO}"), ("R ok",),
                    *COMPLETED],
    "end of day": [("R 0650",), ("T ok 040f", "code=00", "amount=0"), ("R ok",), *COMPLETED],
    "diagnosis": [("R 0670",), ("T ok 04ff", "status=17", "text=please wait"), ("R ok",), *COMPLETED],
    "enquiry": [("R (050103123456)",), ("T ok 060f",), ("R ok",)],
    "log-off": [("R (060200)",), ("T ok",)],
}


class Failed(Exception):
    """tshark does not see what was sent."""


def must(condition, text):
    if not condition:
        raise Failed(text)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    must(done.returncode == 0, f"{command[0]} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def seen(row):
    """What tshark says of a segment, written as above."""
    port, _, controls, answers, codes, amounts, traces, ids, currencies, states, texts = row
    words = ["ok"] * len(list(filter(None, answers.split(",")))) + [control[2:] for control in filter(None, controls.split(","))]
    line = [" ".join(["R" if port == str(REGISTER_PORT) else "T", *words])]
    line += [f"code={code[2:]}" for code in filter(None, codes.split(","))]
    for name, value in [("amount", amounts), ("trace", traces), ("id", ids), ("currency", currencies.removeprefix("0x").lstrip("0"))]:
        line += [f"{name}={value}"] if value else []
    line += [f"status={state[2:]}" for state in filter(None, states.split(","))]
    # The lines of receipts are compared elsewhere.
    line += [f"text={texts}"] if texts and "04ff" in words else []
    return tuple(line)


def decode(segments, folder):
    dump, capture = os.path.join(folder, "dialogue.txt"), os.path.join(folder, "dialogue.pcap")
    with open(dump, "w", encoding="ascii") as file:
        for way, data in segments:
            file.write(f"{way} 000000 {' '.join(data[at:at + 2] for at in range(0, len(data), 2))}\n")
    run("text2pcap", "-q", "-D", "-T", f"{TERMINAL_PORT},{REGISTER_PORT}", dump, capture)
    read = ["tshark", "-r", capture, "-d", f"tcp.port=={TERMINAL_PORT},zvt"]
    wrong = run(*read, "-Y", "_ws.malformed || _ws.expert || zvt.apdu_len.invalid")
    must(not wrong.strip(), f"tshark complains: {wrong}")
    rows = run(*read, "-T", "fields", *(word for field in FIELDS for word in ("-e", field)))
    cells = [row.split("\t") for row in rows.splitlines()]
    return [(seen(row), row[1]) for row in cells]


def main():
    if not (shutil.which("tshark") and shutil.which("text2pcap")):
        if os.environ.get("KASSETTE_CI") == "1":
            print("zvt wire: FAILED: tshark or text2pcap is missing")
            return 1
        print("zvt wire: left out, tshark or text2pcap is missing")
        return 0
    parts, segments = {}, []
    for line in run(sys.argv[1]).splitlines():
        way, data = line.split(" ", 1)
        if way == "#":
            parts[data] = len(segments)
        else:
            segments.append((way, data))
    try:
        must(list(parts) == list(DIALOGUE), f"the dialogue has {list(parts)}")
        with tempfile.TemporaryDirectory(prefix="kassette-zvt-wire-") as folder:
            found = decode(segments, folder)
        must(len(found) == len(segments), f"{len(segments)} segments were sent, tshark sees {len(found)}")
        ends = [*list(parts.values())[1:], len(segments)]
        for (name, expected), begin, end in zip(DIALOGUE.items(), parts.values(), ends):
            must(len(expected) == end - begin, f"{name}: {end - begin} segments instead of {len(expected)}: {found[begin:end]}")
            for place, (wanted, (line, payload)) in enumerate(zip(expected, found[begin:end])):
                known = (re.sub(r" \([0-9a-f]+\)", "", wanted[0]), *wanted[1:])
                must(known == line, f"{name}, segment {place + 1}: tshark sees {line}, sent was {wanted}")
                for unknown in re.findall(r"\(([0-9a-f]+)\)", wanted[0]):
                    must(payload.endswith(unknown), f"{name}, segment {place + 1}: {payload} does not end with {unknown}")
    except Failed as failure:
        print(f"zvt wire: FAILED: {failure}")
        return 1
    version = run("tshark", "--version").split("\n", 1)[0]
    print(f"zvt wire: {len(segments)} segments of {len(parts)} dialogues are what was sent, says {version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
