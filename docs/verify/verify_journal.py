#!/usr/bin/env python3
"""Checks the chain of a journal export of one cash box. Standard library only; shares no code with the program that wrote it.

usage: verify_journal.py EXPORT.ndjson [...]

For every record: the header has the hash that the line says; the fixed fields in the header are those of the line; rows are
dense from the first; each record links to the hash of the one before; SHA-256(salt + body) is the hash that the header commits
to. Erased bodies are null without a salt and still verify. At the end the last row and hash must be those of the first line, so
that a shortened export is refused. The format is described in docs/formats/journal.md.

Exit code 0 when everything is in order, 1 with the first bad row of each file otherwise.
"""

import base64
import binascii
import hashlib
import json
import struct
import sys
import uuid

FORMAT, VERSION, FIXED_BYTES, ZEROS = "kassette-journal-export", 1, 128, bytes(32)
HAS_REQUEST, HAS_RESPONSE = 1, 2


class Bad(Exception):
    """What is wrong with a line."""


def need(condition, reason):
    if not condition:
        raise Bad(reason)


def unique(pairs):
    members = dict(pairs)
    need(len(members) == len(pairs), "a member appears twice")
    return members


def parse(line):
    try:
        members = json.loads(line, object_pairs_hook=unique)
    except ValueError as error:
        raise Bad(f"not JSON: {error}") from error
    need(isinstance(members, dict), "not a JSON object")
    return members


def member(line, name, kind):
    value = line.get(name)
    need(type(value) is kind, f"{name} is missing or of the wrong type")
    return value


def decode(text, name):
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Bad(f"{name} is not base64") from error


def digest(text, name):
    need(isinstance(text, str) and len(text) == 64 and set(text) <= set("0123456789abcdef"), f"{name} is not a hash")
    return bytes.fromhex(text)


def check_body(line, name, present, committed):
    """True when the body is there, False when there is none or it was erased."""
    said, salt, body = (line.get(name + "_hash"), line.get(name + "_salt"), line.get(name))
    if not present:
        need(committed == ZEROS and said is None and salt is None and body is None, f"{name} although the header has none")
        return False
    need(digest(said, name + "_hash") == committed, f"{name}_hash is not what the header says")
    if body is None:
        need(salt is None, f"{name} is erased but its salt is not")
        return False
    salt = decode(member(line, name + "_salt", str), name + "_salt")
    need(len(salt) == 16, f"{name}_salt is not of 16 bytes")
    body = decode(member(line, name, str), name)
    need(hashlib.sha256(salt + body).digest() == committed, f"the {name} body does not match its hash")
    return True


def check_record(line, cash_box, row, previous):
    """Gives the hash of the record and whether its bodies were erased."""
    header = decode(member(line, "header", str), "header")
    need(len(header) > FIXED_BYTES, "the header is too short")
    version, kind, flags, owner, header_row, link, request_hash, response_hash = struct.unpack_from(
        "<HHI16sQ32s32s32s", header
    )
    own_hash = hashlib.sha256(header).digest()
    need(digest(member(line, "hash", str), "hash") == own_hash, "the hash is not the SHA-256 of the header")
    need(version == 1, f"record version {version} is not known")
    need(1 <= kind <= 5, f"record kind {kind} is not known")
    need(owner == cash_box, "the record belongs to another cash box")
    need(member(line, "row", int) == header_row, "row is not what the header says")
    need(header_row == row, f"row {header_row} where row {row} should be")
    need(digest(member(line, "previous", str), "previous") == link, "previous is not what the header says")
    need(link == previous, "the link is not the hash of the record before")
    need(isinstance(parse(header[FIXED_BYTES:]), dict), "the details are not an object")
    has_request, has_response = bool(flags & HAS_REQUEST), bool(flags & HAS_RESPONSE)
    kept = [check_body(line, "request", has_request, request_hash), check_body(line, "response", has_response, response_hash)]
    need(kept in ([False, False], [has_request, has_response]), "only one of the bodies is missing")
    return own_hash, (has_request or has_response) and not any(kept)


def check_export(lines):
    """Gives the number of records and of erased ones. Raises Bad with the first bad row."""
    head = parse(next(lines, b""))
    need(head.get("format") == FORMAT and head.get("version") == VERSION, "line 1 is not the header of a journal export")
    cash_box = uuid.UUID(member(head, "cash_box", str)).bytes
    first = row = member(head, "first_row", int)
    previous = digest(member(head, "first_previous", str), "first_previous")
    need(first >= 1 and (first > 1 or previous == ZEROS), "row 1 follows no record")
    erased_rows = 0
    for line in lines:
        try:
            previous, erased = check_record(parse(line), cash_box, row, previous)
        except Bad as bad:
            raise Bad(f"row {row}: {bad}") from bad
        erased_rows += erased
        row += 1
    last_row, last_hash = member(head, "last_row", int), digest(member(head, "last_hash", str), "last_hash")
    need(row - 1 == last_row and previous == last_hash, f"row {row}: the export ends here, its header says row {last_row}")
    return row - first, erased_rows


def main(paths):
    if not paths:
        sys.exit(__doc__)
    failed = False
    for path in paths:
        try:
            with open(path, "rb") as lines:
                records, erased = check_export(iter(lines))
            print(f"{path}: {records} records, {erased} with erased bodies: chain and bodies in order")
        except (Bad, OSError, ValueError) as error:
            print(f"{path}: BAD: {error}", file=sys.stderr)
            failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
