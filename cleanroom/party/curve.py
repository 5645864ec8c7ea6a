"""Identifiers as points of curve25519, and points under a secret: the arithmetic of a blinded join.

A point is its x-coordinate alone, 32 bytes in the little-endian form of RFC 7748, and stands for
itself and its negative. Hashing is the suite curve25519_XMD:SHA-512_ELL2_NU_ of RFC 9380, whose
last step, the multiplication by the cofactor 8, is left to the secret: X25519 makes every secret a
multiple of 8. So every point of an honest party is on the curve and never on its twist, and
`multiplied(multiplied(p, a), b) == multiplied(multiplied(p, b), a)`. See decision 0007.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import islice

from gmpy2 import invert, jacobi, mpz, pack

from cleanroom.errors import JoinError
from cleanroom.party.multiplication import POINT_BYTES, chosen

_PRIME = mpz(2) ** 255 - 19
_J = mpz(486662)  # the curve is y² = x³ + Jx² + x
_TWO_LESS_J2 = 2 - _J * _J
_PROTOCOL = b"cleanroom-blinded-join-V1"
_BLOCK_BYTES = 128  # of SHA-512
_UNIFORM_BYTES = 48  # as many as keep an element's bias under 2^-128 (RFC 9380, section 5.1)
_INVERTED_TOGETHER = 1024
_NAMED = 5  # positions that an error names for each fault
# The x-coordinates of the points of order 4 and 8; that of order 2 is 0.
_SMALL_ORDER = {
    mpz(1),
    mpz(325606250916557431795983626356110631294008115727848805560023387167927233504),
    mpz(39382357235489614581723060781553021112529911719440698176882885853963445705823),
}


class Fault(StrEnum):
    """Why a coordinate is no blinded point of an honest party."""

    NOT_CANONICAL = "not canonical"
    SMALL_ORDER = "of small order"
    ON_THE_TWIST = "on the twist"


def domain(*names: str) -> bytes:
    """The domain separation tag of the join with these names; 45 bytes, for `hashed`.

    Joins that differ in a name have hashes that never match: give collaboration, epoch, kind of
    identifier. The tag names protocol and version (RFC 9380, section 3.1) and is as long as lets
    the second of the two hashes of a message fit into one block of SHA-512.
    """
    texts = [name.encode() for name in names]
    joined = b"".join(len(text).to_bytes(8, "big") + text for text in texts)
    return _PROTOCOL + hashlib.sha512(joined).digest()[:20]


def hashed(messages: Iterable[bytes], dst: bytes) -> bytes:
    """The messages' points, in their order; to be multiplied before anybody else sees them.

    `dst` is the domain's tag. This is the encoding of RFC 9380 before its cofactor is cleared. It
    does not run in constant time: for the owner's machine and its own identifiers.
    """
    uniform = _expanded(messages, dst, _UNIFORM_BYTES)
    chunks = iter(lambda: list(islice(uniform, _INVERTED_TOGETHER)), [])
    return b"".join(map(_mapped, chunks))


def multiplied(points: bytes, secret: bytes) -> bytes:
    """X25519(secret, point) of each of the points, in their order.

    Raises `JoinError` if the secret or the points have a wrong length, or a point is of small
    order; coordinates on the twist or not canonical pass: see `checked`.
    """
    if len(secret) != POINT_BYTES:
        raise JoinError("The blinding secret has not 32 bytes.", "make one with new_secret().")
    _require_whole(points)
    products = chosen().multiply(points, secret)
    nothing = bytes(POINT_BYTES)
    if nothing in products:
        starts = range(0, len(products), POINT_BYTES)
        at = [i for i, start in enumerate(starts) if products.startswith(nothing, start)]
        _refuse(len(starts), {Fault.SMALL_ORDER: at})
    return products


def checked(points: bytes) -> None:
    """Raise `JoinError` unless every coordinate can be a blinded point of an honest party.

    It has to be canonical (below the prime, with no high bit), on the curve and not on its twist,
    and not of small order. The error counts each fault and names its first positions.
    """
    _require_whole(points)
    faults: dict[Fault, list[int]] = {fault: [] for fault in Fault}
    starts = range(0, len(points), POINT_BYTES)
    for position, start in enumerate(starts):
        x = mpz.from_bytes(points[start : start + POINT_BYTES], "little")
        if x >= _PRIME:
            faults[Fault.NOT_CANONICAL].append(position)
        elif x == 0 or x in _SMALL_ORDER:
            faults[Fault.SMALL_ORDER].append(position)
        elif jacobi((x * (x + _J) + 1) * x % _PRIME, _PRIME) != 1:
            faults[Fault.ON_THE_TWIST].append(position)
    _refuse(len(starts), faults)


def new_secret() -> bytes:
    """A secret for the points of one join: 32 random bytes."""
    return secrets.token_bytes(POINT_BYTES)


def backend() -> str:
    """What multiplies here and, if it is not the fast one, why not."""
    return chosen().name


def _expanded(messages: Iterable[bytes], dst: bytes, length: int) -> Iterator[bytes]:
    """expand_message_xmd with SHA-512 (RFC 9380, section 5.3.1), for up to 64 bytes a message."""
    if len(dst) > 255:  # section 5.3.3
        dst = hashlib.sha512(b"H2C-OVERSIZE-DST-" + dst).digest()
    tag = dst + bytes([len(dst)])
    padded, digest = hashlib.sha512(bytes(_BLOCK_BYTES)), hashlib.sha512
    after_message, after_digest = length.to_bytes(2, "big") + b"\x00" + tag, b"\x01" + tag
    for message in messages:
        first = padded.copy()
        first.update(message + after_message)
        yield digest(first.digest() + after_digest).digest()[:length]


def _mapped(uniform: list[bytes]) -> bytes:
    """The x-coordinates to which Elligator 2 takes field elements, given as uniform strings.

    RFC 9380, section 6.7.1, with Z = 2: where v = 2u² and d = 1 + v, the candidates are x1 = -J/d
    and x2 = -x1 - J = -Jv/d, of which exactly one is on the curve. There is no exceptional case:
    2 and J² - 4 are no squares and -1 is one, so that neither d nor x1³ + Jx1² + x1 is ever 0.
    All d are inverted together (Montgomery's trick).
    """
    denominators, partials, product = [], [], mpz(1)
    for string in uniform:
        element = mpz.from_bytes(string, "big")
        v = 2 * element * element % _PRIME
        d = v + 1
        # -J is no square, and -J·d·(d² - J²v) is x1³ + Jx1² + x1 times d⁴.
        first = jacobi((v * (v + _TWO_LESS_J2) + 1) * d % _PRIME, _PRIME) != 1
        partials.append(product if first else product * v)
        denominators.append(d)
        product = product * d % _PRIME
    inverse = -_J * invert(product, _PRIME) % _PRIME
    found = []
    for partial, d in zip(reversed(partials), reversed(denominators), strict=True):
        found.append(partial * inverse % _PRIME)
        inverse = inverse * d % _PRIME
    found.reverse()
    coordinates: bytes = pack(found, 8 * POINT_BYTES).to_bytes(len(found) * POINT_BYTES, "little")
    return coordinates


def _require_whole(points: bytes) -> None:
    if len(points) % POINT_BYTES:
        raise JoinError(
            f"{len(points):,} bytes are no whole number of points of {POINT_BYTES} bytes.",
            "take the points from the other platform again; they were cut short.",
        )


def _refuse(count: int, faults: dict[Fault, list[int]]) -> None:
    """Raise with the number of each fault and its first positions, if there is any."""
    told = []
    for fault, positions in faults.items():
        first = ", ".join(f"{position:,}" for position in positions[:_NAMED])
        more = ", …" if len(positions) > _NAMED else ""
        told += [f"{len(positions):,} {fault} (at {first}{more})"] if positions else []
    if told:
        raise JoinError(
            f"Of {count:,} points, counted from 0: {'; '.join(told)}.",
            "have the other platform make its points again; its program may be at fault.",
        )
