"""Computes SCRAM exchanges with Python's hashlib, independently of the crate; prints them as vectors.tsv:

    python3 vectors.py > vectors.tsv

Columns: mechanism, authcid, authzid (empty: none), password, client nonce, the four messages in the clear.
"""

import hashlib
import hmac
from base64 import b64encode

HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-384": "sha384", "SCRAM-SHA-512": "sha512"}

# authcid, authzid, password, length of the salt, iterations, extensions after the iteration count
USERS = [
    ("user", "", "pencil", 16, 4096, ""),
    ("alice", "", "", 1, 4096, ",h=AAAA,x=1=2"),
    ("a,b=c", "", "p,w=d", 18, 5000, ""),
    ("=2C", "=,@example.org", "x" * 200, 64, 4097, ""),
    ("jürgen", "jürgen@example.org", "grüß Gott ☃", 36, 10000, ",d=AAAA"),
]


def exchange(mechanism, number, authcid, authzid, password, salt_length, iterations, extensions):
    name = HASHES[mechanism]

    def mac(key, text):
        return hmac.new(key, text, name).digest()

    def escape(text):
        return "".join({"=": "=3D", ",": "=2C"}.get(character, character) for character in text)

    nonce = f"client/{number}+{name}"
    salt = hashlib.shake_256(f"{name} {number}".encode()).digest(salt_length)
    header = f"n,{'a=' + escape(authzid) if authzid else ''},"
    first_bare = f"n={escape(authcid)},r={nonce}"
    server_first = f"r={nonce}~server!{number},s={b64encode(salt).decode()},i={iterations}{extensions}"
    without_proof = f"c={b64encode(header.encode()).decode()},r={nonce}~server!{number}"
    auth_message = f"{first_bare},{server_first},{without_proof}".encode()

    salted = hashlib.pbkdf2_hmac(name, password.encode(), salt, iterations)
    client_key = mac(salted, b"Client Key")
    client_signature = mac(hashlib.new(name, client_key).digest(), auth_message)
    proof = bytes(key ^ signature for key, signature in zip(client_key, client_signature))
    verifier = mac(mac(salted, b"Server Key"), auth_message)
    return (
        mechanism, authcid, authzid, password, nonce,
        header + first_bare,
        server_first,
        f"{without_proof},p={b64encode(proof).decode()}",
        f"v={b64encode(verifier).decode()}",
    )


for mechanism in HASHES:
    for number, user in enumerate(USERS):
        print("\t".join(exchange(mechanism, number, *user)))
