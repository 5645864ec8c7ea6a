"""RFC 7748 and RFC 9380 as they are written, in plain Python integers: slow, and shares no code."""

from __future__ import annotations

import hashlib

P = 2**255 - 19
J = 486662
Z = 2


def is_square(x: int) -> bool:
    return pow(x, (P - 1) // 2, P) in (0, 1)


def on_the_curve(x: int) -> bool:
    """Whether some y has y² = x³ + Jx² + x; else x belongs to the twist."""
    return is_square((x**3 + J * x**2 + x) % P)


def times(k: int, u: int) -> int:
    """The x-coordinate of k times the point (RFC 7748, section 5, without clamping)."""
    x_2, z_2, x_3, z_3, swap = 1, 0, u, 1, 0
    for t in reversed(range(255)):
        k_t = (k >> t) & 1
        if swap ^ k_t:
            x_2, x_3, z_2, z_3 = x_3, x_2, z_3, z_2
        swap = k_t
        a, b, c, d = x_2 + z_2, x_2 - z_2, x_3 + z_3, x_3 - z_3
        aa, bb, da, cb = a * a % P, b * b % P, d * a % P, c * b % P
        e = aa - bb
        x_3, z_3 = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        x_2, z_2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x_2, z_2 = x_3, z_3
    return x_2 * pow(z_2, P - 2, P) % P


def x25519(scalar: bytes, point: bytes) -> bytes:
    """RFC 7748, section 5: decodeScalar25519, decodeUCoordinate, the ladder, encodeUCoordinate."""
    k = int.from_bytes(scalar, "little")
    k = k & ~7 & (2**255 - 1) | 2**254
    u = int.from_bytes(point, "little") & (2**255 - 1)
    return times(k, u % P).to_bytes(32, "little")


def expand_message_xmd(msg: bytes, dst: bytes, length: int) -> bytes:
    """RFC 9380, sections 5.3.1 and 5.3.3, with SHA-512."""

    def h(content: bytes) -> bytes:
        return hashlib.sha512(content).digest()

    if len(dst) > 255:
        dst = h(b"H2C-OVERSIZE-DST-" + dst)
    dst_prime = dst + bytes([len(dst)])
    b_0 = h(bytes(128) + msg + length.to_bytes(2, "big") + b"\0" + dst_prime)
    b = [h(b_0 + b"\1" + dst_prime)]
    for i in range(2, -(-length // 64) + 1):
        mixed = bytes(x ^ y for x, y in zip(b_0, b[-1], strict=True))
        b.append(h(mixed + bytes([i]) + dst_prime))
    return b"".join(b)[:length]


def hash_to_field(msg: bytes, dst: bytes) -> int:
    """RFC 9380, section 5.2, for one element."""
    return int.from_bytes(expand_message_xmd(msg, dst, 48), "big") % P


def map_to_curve_elligator2(u: int) -> int:
    """The x-coordinate of RFC 9380, section 6.7.1, with K = 1."""

    def inv0(x: int) -> int:
        return pow(x, P - 2, P)

    x1 = -J * inv0(1 + Z * u**2) % P
    if x1 == 0:
        x1 = -J % P
    gx1 = (x1**3 + J * x1**2 + x1) % P
    x2 = (-x1 - J) % P
    return x1 if is_square(gx1) else x2
