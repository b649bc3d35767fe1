#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes Tests/Golden/noise.json: handshakes, ids and records that Swift has to reproduce.

An implementation of its own, on the `cryptography` package, of Noise XX (revision 34), of
libp2p's peer ids and Noise payload, and of Ferry's record keys. Before it writes anything it has
to reproduce the published `cacophony` vector of Noise_XX_25519_ChaChaPoly_SHA256.
"""

import hashlib
import hmac
import json
import pathlib

import cryptography
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def public(private):
    return private.public_key().public_bytes_raw()


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def expand(chain, material):
    temporary = mac(chain, material)
    first = mac(temporary, b"\x01")
    return first, mac(temporary, first + b"\x02")


def nonce(count):
    return bytes(4) + count.to_bytes(8, "little")


class State:
    def __init__(self, prologue):
        self.hash = self.chain = b"Noise_XX_25519_ChaChaPoly_SHA256"
        self.key, self.count = None, 0
        self.mix_hash(prologue)

    def mix_hash(self, data):
        self.hash = hashlib.sha256(self.hash + data).digest()

    def mix_key(self, own, theirs):
        shared = own.exchange(X25519PublicKey.from_public_bytes(theirs))
        self.chain, self.key = expand(self.chain, shared)
        self.count = 0

    def seal(self, plain):
        sealed = plain
        if self.key:
            sealed = ChaCha20Poly1305(self.key).encrypt(nonce(self.count), plain, self.hash)
            self.count += 1
        self.mix_hash(sealed)
        return sealed


def handshake(prologue, dialler_static, dialler_ephemeral, listener_static, listener_ephemeral, payloads):
    """The three messages as they travel, the hash, and the two keys. One state serves both sides."""
    s = State(prologue)
    e = public(dialler_ephemeral)
    s.mix_hash(e)
    first = e + s.seal(payloads[0])
    e = public(listener_ephemeral)
    s.mix_hash(e)
    s.mix_key(listener_ephemeral, public(dialler_ephemeral))
    static = s.seal(public(listener_static))
    s.mix_key(listener_static, public(dialler_ephemeral))
    second = e + static + s.seal(payloads[1])
    static = s.seal(public(dialler_static))
    s.mix_key(dialler_static, public(listener_ephemeral))
    third = static + s.seal(payloads[2])
    return [first, second, third], s.hash, expand(s.chain, b"")


def key(text):
    return X25519PrivateKey.from_private_bytes(bytes.fromhex(text))


def base58(data):
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = alphabet[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def payload(identity, noise_key):
    identity_key = bytes.fromhex("08011220") + public(identity)
    signature = identity.sign(b"noise-libp2p-static-key:" + noise_key)
    return b"\x0a\x24" + identity_key + b"\x12\x40" + signature


# The inputs and the hash of the published vector (cacophony, Noise_XX_25519_ChaChaPoly_SHA256).
published = {
    "prologue": b"John Galt".hex(),
    "diallerStatic": "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1",
    "diallerEphemeral": "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
    "listenerStatic": "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893",
    "listenerEphemeral": "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
    "payloads": [b"Ludwig von Mises".hex(), b"Murray Rothbard".hex(), b"F. A. Hayek".hex()],
}
PUBLISHED_HASH = "c8e5f64e846193be2a834104c2a009868d6c9f3bd3c186299888b488b2f1f58e"
PUBLISHED_TRANSPORT = "96763ed773f8e47bb3712f0e29b3060ffc956ffc146cee53d5e1df"

# Ours: fixed keys, and payloads as libp2p has them.
ours = {
    "prologue": (b"ferry\0" + (1).to_bytes(2, "big") + hashlib.sha256(b"golden").digest()[:8]).hex(),
    "diallerStatic": bytes(range(32)).hex(),
    "diallerEphemeral": bytes(range(32, 64)).hex(),
    "listenerStatic": bytes(range(64, 96)).hex(),
    "listenerEphemeral": bytes(range(96, 128)).hex(),
    "diallerIdentity": bytes(range(128, 160)).hex(),
    "listenerIdentity": bytes(range(160, 192)).hex(),
}
identities = {
    side: Ed25519PrivateKey.from_private_bytes(bytes.fromhex(ours[side + "Identity"]))
    for side in ("dialler", "listener")
}
ours["payloads"] = [
    "",
    payload(identities["listener"], public(key(ours["listenerStatic"]))).hex(),
    payload(identities["dialler"], public(key(ours["diallerStatic"]))).hex(),
]
for side, identity in identities.items():
    ours[side + "ID"] = base58(bytes.fromhex("002408011220") + public(identity))

for case in (published, ours):
    messages, final, keys = handshake(
        bytes.fromhex(case["prologue"]),
        key(case["diallerStatic"]), key(case["diallerEphemeral"]),
        key(case["listenerStatic"]), key(case["listenerEphemeral"]),
        [bytes.fromhex(p) for p in case["payloads"]])
    case["messages"] = [m.hex() for m in messages]
    case["hash"] = final.hex()
    case["fromDialler"], case["fromListener"] = keys[0].hex(), keys[1].hex()

assert published["hash"] == PUBLISHED_HASH, "this program does not speak Noise XX"
# After an odd number of handshake messages the listener sends the first transport message.
transport = ChaCha20Poly1305(bytes.fromhex(published["fromListener"]))
assert transport.encrypt(nonce(0), b"Carl Menger", b"").hex() == PUBLISHED_TRANSPORT

# Records: two in a row, so that the counter is seen to count.
plain = [b"the first record", b"the second"]
records = HKDF(SHA256(), 32, bytes.fromhex(ours["hash"]), b"ferry records from dialler").derive(
    bytes.fromhex(ours["fromDialler"]))
for name, cipher in (("aes-256-gcm", AESGCM), ("chacha20-poly1305", ChaCha20Poly1305)):
    wire = b""
    for count, text in enumerate(plain):
        sealed = cipher(records).encrypt(nonce(count), text, None)
        wire += len(sealed).to_bytes(4, "big") + sealed
    ours[name] = wire.hex()
ours["clear"] = b"".join(len(t).to_bytes(4, "big") + t for t in plain).hex()
ours["records"] = [t.hex() for t in plain]

target = pathlib.Path(__file__).resolve().parents[2] / "Tests/Golden/noise.json"
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text(json.dumps(
    {"writer": "Tools/golden/noise.py", "cryptography": cryptography.__version__,
     "published": published, "ours": ours}, indent=1) + "\n")
print(f"wrote {target}")
