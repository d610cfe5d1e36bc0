"""A certificate for localhost, made anew for each session and trusted by its tests alone."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from Crypto.Hash import SHA1, SHA256
from Crypto.PublicKey import ECC
from Crypto.Signature import DSS
from Crypto.Util.asn1 import DerBitString, DerBoolean, DerObjectId, DerOctetString, DerSequence

_ECDSA_WITH_SHA256, _COMMON_NAME = "1.2.840.10045.4.3.2", "2.5.4.3"
_SUBJECT_KEY, _USAGE, _NAMES, _CONSTRAINTS, _AUTHORITY_KEY = (f"2.5.29.{part}" for part in (14, 15, 17, 19, 35))
_UTF8, _UTC_TIME, _GENERALIZED_TIME, _SET = 0x0C, 0x17, 0x18, 0x31
_VERSION_3 = bytes.fromhex("a003020102")
_SIGNS = bytes.fromhex("03020284")  # digitalSignature and keyCertSign


@dataclass(frozen=True)
class Contexts:
    """For the server that has the certificate, and for the client that trusts it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def make_contexts(folder: Path) -> Contexts:
    """Make a key and a certificate, and what both sides need of them."""
    key = ECC.generate(curve="P-256")
    file = folder / "localhost.pem"
    certificate = ssl.DER_cert_to_PEM_cert(_certificate(key))
    file.write_text(key.export_key(format="PEM") + "\n" + certificate, encoding="ascii")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(file)
    return Contexts(server, ssl.create_default_context(cadata=certificate))


def _certificate(key: ECC.EccKey) -> bytes:
    algorithm = _sequence(_object(_ECDSA_WITH_SHA256))
    name = _sequence(_tagged(_SET, _sequence(_object(_COMMON_NAME), _tagged(_UTF8, b"localhost"))))
    valid = _sequence(_tagged(_UTC_TIME, b"200101000000Z"), _tagged(_GENERALIZED_TIME, b"21200101000000Z"))
    public = key.public_key().export_key(format="DER")
    body = _sequence(_VERSION_3, b"\x02\x01\x01", algorithm, name, valid, name, public, _extensions(public))
    signature = DSS.new(key, "fips-186-3", encoding="der").sign(SHA256.new(body))
    return _sequence(body, algorithm, DerBitString(signature).encode())


def _extensions(public: bytes) -> bytes:
    identifier = SHA1.new(public).digest()
    names = _tagged(0x82, b"localhost") + _tagged(0x87, bytes((127, 0, 0, 1)))
    extensions = _sequence(
        _extension(_CONSTRAINTS, _sequence(DerBoolean(True).encode()), critical=True),
        _extension(_USAGE, _SIGNS, critical=True),
        _extension(_SUBJECT_KEY, DerOctetString(identifier).encode()),
        _extension(_AUTHORITY_KEY, _sequence(_tagged(0x80, identifier))),
        _extension(_NAMES, _sequence(names)),
    )
    return _tagged(0xA3, extensions)


def _extension(name: str, value: bytes, *, critical: bool = False) -> bytes:
    return _sequence(_object(name), DerBoolean(True).encode() if critical else b"", DerOctetString(value).encode())


def _object(name: str) -> bytes:
    return DerObjectId(name).encode()


def _sequence(*parts: bytes) -> bytes:
    return DerSequence(list(parts)).encode()


def _tagged(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content
