"""Access tokens that were never issued, made with and without the right key."""
import base64
import json
import time
import zlib

import jwt
from jwt.algorithms import ECAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec


def claims(token):
    return jwt.decode(token, options={"verify_signature": False})


def _sign(payload, key, headers):
    headers = {k: v for k, v in headers.items() if k not in ("alg", "typ")}
    return jwt.encode(payload, key, algorithm="ES256", headers=headers)


def _key(jwk):
    return ECAlgorithm.from_jwk(jwk)


def resigned(token, jwk, **changes):
    """The token with other claims, signed with the right key."""
    return _sign({**claims(token), **changes}, _key(jwk), jwt.get_unverified_header(token))


def expired(token, jwk):
    now = int(time.time())
    return resigned(token, jwk, iat=now - 7200, nbf=now - 7200, exp=now - 3600)


def foreign(token):
    """The same claims and key id, signed with somebody else's key."""
    return _sign(claims(token), ec.generate_private_key(ec.SECP256R1()), jwt.get_unverified_header(token))


def tampered(token):
    """Other claims under the old signature."""
    head, _, signature = token.split(".")
    body = {**claims(token), "exp": int(time.time()) + 86400 * 365}
    return ".".join((head, _encode(body), signature))


def unsigned(token):
    """alg: none."""
    return ".".join((_encode({"alg": "none", "typ": "JWT"}), _encode(claims(token)), ""))


def inflating(token):
    """Asks for a payload of 2.5 MB to be inflated before anything else is looked at."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    payload = deflate.compress(json.dumps(claims(token)).encode() + 2_500_000 * b" ") + deflate.flush()
    head = {**jwt.get_unverified_header(token), "zip": "DEF"}
    return ".".join((_encode(head), _base64(payload), token.split(".")[2]))


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _encode(value):
    return _base64(json.dumps(value).encode())
