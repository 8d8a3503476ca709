#!/usr/bin/env python3
"""Checks an Austrian DEP7 export (RKSV-DEP) without any code of the signer.

    verify_dep7.py DEP.json [CRYPTO.json] [--part]

CRYPTO.json is the crypto material container (key of the turnover counter, certificates or public keys). Without it the
turnover counter is checked for form only, and signatures with the certificates in the export.
--part: the export is a part of a period, so its first receipt need not be the start receipt.

Checked: JWS form, the twelve fields, chain, turnover counter, signatures, unique numbers, one Kassen-ID, one kind of system,
time that does not go back, start receipt first, length of the counter, the collective receipt after an outage, and that a
certificate was issued by the next one in its chain. Exit code 0: good; 1: bad, with the first bad receipt; 2: usage.

Needs Python 3.8 and `cryptography`.
"""

import base64
import binascii
import datetime
import hashlib
import json
import re
import sys

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import load_der_public_key

HEADER = "eyJhbGciOiJFUzI1NiJ9"
OUTAGE = b"Sicherheitseinrichtung ausgefallen"
ALGORITHM = re.compile(r"R[1-9][0-9]*-([A-Z]{2}[1-9][0-9]*|AT0)")
AMOUNT = re.compile(r"-?(0|[1-9][0-9]*|[1-9][0-9]{0,2}(\.[0-9]{3})+),[0-9]{2}")
BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


class Bad(Exception):
    """What is wrong with a receipt or a file."""


def from_base64(text, what):
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Bad(f"{what} is not base64") from error
    if base64.b64encode(raw).decode() != text:
        raise Bad(f"{what} is not base64 in its only spelling")
    return raw


def from_base64url(text, what):
    if not BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise Bad(f"{what} is not base64url without padding")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def chain_value(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()


def cents(text, place):
    if not AMOUNT.fullmatch(text):
        raise Bad(f"field {place}: {text!r} is not an amount")
    return int(text.replace(".", "").replace(",", ""))


def decrypt(key, kassen_id, number, cipher):
    iv = hashlib.sha256((kassen_id + number).encode()).digest()[:16]
    plain = Cipher(algorithms.AES(key), modes.CTR(iv)).decryptor().update(cipher)
    return int.from_bytes(plain, "big", signed=True)


def names_of(serial):
    """A serial number as it may stand in field 11."""
    return {f"{serial:x}", str(serial)}


def name(text):
    """Hexadecimal serial numbers are compared without case and leading zeros."""
    return text.lstrip("0").lower() if re.fullmatch(r"[0-9a-fA-F]+", text) else text


class Receipt:
    """One receipt, taken apart."""

    def __init__(self, compact):
        parts = compact.split(".")
        if len(parts) != 3:
            raise Bad("the JWS has not three parts")
        if parts[0] != HEADER:
            raise Bad('the JWS header is not {"alg":"ES256"}')
        try:
            text = from_base64url(parts[1], "the JWS payload").decode()
        except UnicodeDecodeError as error:
            raise Bad("the code is not UTF-8") from error
        self.signature = from_base64url(parts[2], "the JWS signature")
        self.signed_bytes = f"{parts[0]}.{parts[1]}".encode()
        self.chain_to_next = chain_value(compact)
        fields = text.split("_")
        if len(fields) != 13 or fields[0] != "":
            raise Bad(f"the code has {len(fields) - 1} fields instead of 12, or does not begin with `_`")
        self.algorithm, self.kassen_id, self.number, self.time = fields[1:5]
        if not ALGORITHM.fullmatch(self.algorithm):
            raise Bad(f"field 1: {self.algorithm!r} is not an algorithm mark")
        for place in (2, 3, 11):
            if not fields[place]:
                raise Bad(f"field {place} is empty")
        try:
            parsed = datetime.datetime.strptime(self.time, "%Y-%m-%dT%H:%M:%S")
        except ValueError as error:
            raise Bad(f"field 4: {self.time!r} is not a time") from error
        if parsed.strftime("%Y-%m-%dT%H:%M:%S") != self.time:
            raise Bad(f"field 4: {self.time!r} is not a time")
        self.amounts = [cents(fields[place], place) for place in range(5, 10)]
        self.counter = from_base64(fields[10], "field 10")
        self.key_name = fields[11]
        self.chain = fields[12]
        if len(from_base64(self.chain, "field 12")) != 8:
            raise Bad("field 12 has not 8 bytes")
        self.closed = self.algorithm.endswith("-AT0")
        self.outage = self.signature == OUTAGE
        self.training = self.counter == b"TRA"
        self.reversal = self.counter == b"STO"
        self.zero = not any(self.amounts) and not self.training and not self.reversal

    def check_signature(self, keys):
        key = keys.get(name(self.key_name))
        if key is None:
            raise Bad(f"no certificate or public key for {self.key_name!r}")
        if len(self.signature) != 64:
            raise Bad("the signature has not 64 bytes")
        r, s = (int.from_bytes(self.signature[at : at + 32], "big") for at in (0, 32))
        try:
            key.verify(encode_dss_signature(r, s), self.signed_bytes, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise Bad(f"the signature is wrong under {self.key_name!r}") from error


class Register:
    """Walks through the receipts in order."""

    def __init__(self, keys, counter_key, part):
        self.keys, self.counter_key, self.part = keys, counter_key, part
        self.first = self.last = None
        self.numbers = set()
        self.turnover = None if part else 0
        self.counter_length = None
        self.since_outage = None  # signed receipts since the last unsigned one; None: no outage is open

    def check(self, compact):
        receipt = Receipt(compact)
        if not receipt.outage:
            receipt.check_signature(self.keys)
        if self.last is None:
            self.check_first(receipt)
        else:
            self.check_next(receipt)
        if receipt.number in self.numbers:
            raise Bad(f"the number {receipt.number!r} occurs twice")
        self.numbers.add(receipt.number)
        self.check_counter(receipt)
        self.check_outage(receipt)
        self.last = receipt
        return receipt

    def check_first(self, receipt):
        if not self.part:
            if not receipt.zero or receipt.outage:
                raise Bad("the first receipt is not a signed start receipt")
            if receipt.chain != chain_value(receipt.kassen_id):
                raise Bad("the start receipt is not chained to the Kassen-ID")
        self.first = receipt

    def check_next(self, receipt):
        if receipt.chain != self.last.chain_to_next:
            raise Bad("the chain is broken")
        if receipt.kassen_id != self.first.kassen_id:
            raise Bad(f"another register: {receipt.kassen_id!r}")
        if receipt.closed != self.first.closed:
            raise Bad("open and closed system are mixed")
        if receipt.time < self.last.time:
            raise Bad(f"time goes back from {self.last.time} to {receipt.time}")

    def check_counter(self, receipt):
        if not receipt.training and self.turnover is not None:
            self.turnover += sum(receipt.amounts)
        if receipt.training or receipt.reversal:
            return
        length = len(receipt.counter)
        if not 5 <= length <= 16:
            raise Bad(f"the turnover counter has {length} bytes instead of 5 to 16")
        if self.counter_length not in (None, length):
            raise Bad("the length of the turnover counter changes")
        self.counter_length = length
        if self.counter_key is None:
            return
        counter = decrypt(self.counter_key, receipt.kassen_id, receipt.number, receipt.counter)
        if self.turnover is None:
            self.turnover = counter
        if counter != self.turnover:
            raise Bad(f"the turnover counter is {counter} cents instead of {self.turnover}")

    def check_outage(self, receipt):
        if receipt.outage:
            self.since_outage = 0
        elif self.since_outage is not None:
            self.since_outage += 1
            if receipt.zero:
                self.since_outage = None
            elif self.since_outage > 1:
                raise Bad("the outage was not closed by a signed zero receipt in time")


def certificate_of(text, what):
    try:
        return x509.load_der_x509_certificate(from_base64(text, what))
    except ValueError as error:
        raise Bad(f"{what} cannot be read: {error}") from error


def keys_of_groups(groups):
    keys = {}
    for group in groups:
        text = group.get("Signaturzertifikat", group.get("Signatur- bzw. Siegelzertifikat", ""))
        if not text:
            continue
        certificate = certificate_of(text, "Signaturzertifikat")
        for serial in names_of(certificate.serial_number):
            keys[name(serial)] = certificate.public_key()
        below = certificate
        for issuer_text in group.get("Zertifizierungsstellen") or []:
            issuer = certificate_of(issuer_text, "Zertifizierungsstellen")
            try:
                below.verify_directly_issued_by(issuer)
            except Exception as error:
                raise Bad(f"certificate {below.serial_number:x} was not issued by the next one: {error}") from error
            below = issuer
    return keys


def read_material(path):
    with open(path, encoding="utf-8") as file:
        material = json.load(file)
    keys = {}
    for field_11, entry in material["certificateOrPublicKeyMap"].items():
        text = entry["signatureCertificateOrPublicKey"]
        if entry["signatureDeviceType"] == "CERTIFICATE":
            keys[name(field_11)] = certificate_of(text, field_11).public_key()
        else:
            keys[name(field_11)] = load_der_public_key(from_base64(text, field_11))
    counter_key = from_base64(material["base64AESKey"], "base64AESKey")
    if len(counter_key) != 32:
        raise Bad("base64AESKey has not 32 bytes")
    return counter_key, keys


def main(arguments):
    part = "--part" in arguments
    paths = [argument for argument in arguments if argument != "--part"]
    if not 1 <= len(paths) <= 2 or any(path.startswith("-") for path in paths):
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    try:
        with open(paths[0], encoding="utf-8") as file:
            groups = json.load(file)["Belege-Gruppe"]
        keys = keys_of_groups(groups)
        counter_key = None
        if len(paths) == 2:
            counter_key, more = read_material(paths[1])
            keys.update(more)
        receipts = [compact for group in groups for compact in group["Belege-kompakt"]]
        if not receipts:
            raise Bad("the export holds no receipt")
    except (Bad, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"BAD: {type(error).__name__}: {error}")
        return 1
    register = Register(keys, counter_key, part)
    seen = []
    for at, compact in enumerate(receipts, 1):
        try:
            seen.append(register.check(compact))
        except Bad as error:
            print(f"BAD: receipt {at} of {len(receipts)}: {error}")
            return 1
    print(f"Kassen-ID    {register.first.kassen_id}")
    print(f"receipts     {len(seen)} ({seen[0].time} to {seen[-1].time})")
    print(f"signed       {sum(not receipt.outage for receipt in seen)}")
    print(f"outage text  {sum(receipt.outage for receipt in seen)}")
    print(f"training     {sum(receipt.training for receipt in seen)}")
    print(f"reversals    {sum(receipt.reversal for receipt in seen)}")
    if register.turnover is not None:
        how = "decrypted and compared" if counter_key else "sum of the amounts; the counter was not decrypted"
        sign, whole = ("-" if register.turnover < 0 else ""), abs(register.turnover)
        print(f"turnover     {sign}{whole // 100},{whole % 100:02} EUR ({how})")
    if register.since_outage is not None:
        print("note         the export ends in an outage that no collective receipt has closed yet")
    print("OK")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
