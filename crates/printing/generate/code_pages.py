#!/usr/bin/env python3
"""Writes src/escpos/data/code_pages.txt: what bytes 80 to FF are in the code pages that receipt printers know.

usage: code_pages.py PRINTER_DB/capabilities.json > src/escpos/data/code_pages.txt

Each line is a name of the printer database, a tab, and 128 characters; U+FFFD where a page has none. The characters come from the codecs
of Python's standard library, or from the database where it lists them itself. Pages with more than one byte for a character are left out.
"""

import json
import sys
import unicodedata

NONE = "\N{REPLACEMENT CHARACTER}"
# Characters that a standard got in 2003 and printers of its first edition have not.
LATER = {"ISO_8859-7": "€₯ͺ"}


def by_codec(codec):
    def one(byte):
        try:
            text = bytes([byte]).decode(codec)
        except UnicodeDecodeError:
            return NONE
        # Control characters, and what has no meaning outside of one machine, are not printed.
        return text if len(text) == 1 and unicodedata.category(text) not in ("Cc", "Co", "Cn") else NONE

    return "".join(map(one, range(0x80, 0x100)))


def by_list(rows):
    # The database writes a blank where a page has nothing.
    text = "".join(rows)
    return "".join(NONE if char == " " and at > 0 else char for at, char in enumerate(text))


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        database = json.load(file)
    print("# Made by generate/code_pages.py from the names of escpos-printer-db (fe07c81, 2026-07-27, CC BY 4.0) and Python's codecs.")
    for name, encoding in sorted(database["encodings"].items()):
        codec = encoding.get("python_encode")
        if codec == "cp932":
            continue
        if codec:
            characters = by_codec(codec)
        elif "data" in encoding:
            characters = by_list(encoding["data"])
        else:
            continue
        characters = "".join(NONE if char in LATER.get(name, "") else char for char in characters)
        assert len(characters) == 128, (name, len(characters))
        print(f"{name}\t{characters}")


main()
