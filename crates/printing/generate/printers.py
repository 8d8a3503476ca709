#!/usr/bin/env python3
"""Writes src/escpos/data/printers.tsv: what printers can do, as far as their bytes depend on it.

usage: printers.py PRINTER_DB/capabilities.json > src/escpos/data/printers.tsv

Columns: id, maker and model, columns of font A, dots across the paper, features, code pages (`number=name`). Dots are left empty where the
database does not know them. Customer displays are left out, and code pages of which code_pages.py knows no characters.
"""

import json
import sys

FEATURES = {
    "qrCode": "qr",
    "barcodeA": "barcode-a",
    "barcodeB": "barcode-b",
    "pdf417Code": "pdf417",
    "bitImageRaster": "raster",
    "bitImageColumn": "columns",
    "paperFullCut": "full-cut",
    "paperPartCut": "part-cut",
    "pulseStandard": "drawer",
}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        database = json.load(file)
    known = {name for name, encoding in database["encodings"].items() if encoding.get("python_encode", "cp932") != "cp932" or "data" in encoding}
    print("# Made by generate/printers.py from escpos-printer-db (fe07c81, 2026-07-27), CC BY 4.0, Michael Billington and contributors; changed.")
    print("# id\tname\tcolumns\tdots\tfeatures\tcode pages")
    for key, profile in sorted(database["profiles"].items()):
        features = profile["features"]
        columns = profile["fonts"]["0"]["columns"]
        # Lines of less than 30 characters are displays, or a mistake of the database (a font's size in dots for its columns).
        if "Display" in profile["name"] or columns < 30:
            continue
        dots = profile["media"]["width"].get("pixels")
        dots = dots if isinstance(dots, int) else ""
        words = [word for feature, word in FEATURES.items() if features[feature]]
        pages = [f"{number}={name}" for number, name in sorted(profile["codePages"].items(), key=lambda page: int(page[0])) if name in known]
        print(key, f"{profile['vendor']} {profile['name']}".strip(), columns, dots, " ".join(words), " ".join(pages), sep="\t")


main()
