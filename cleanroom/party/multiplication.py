"""X25519 (RFC 7748) of many points under one secret, by the fastest means at hand.

Intel's multi-buffer kernel multiplies eight points at once where the extra `fast` is installed and
the processor has AVX-512 IFMA; else OpenSSL takes them one by one. Both are made to run in
constant time and give the same bytes, which tests compare.
"""

from __future__ import annotations

import ctypes
import sys
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cleanroom.errors import JoinError

POINT_BYTES = 32
# The kernel's library stands last; those before it are named by it as needed.
_LIBRARIES = ("libintlc.so.5", "libimf.so", "libirng.so", "libsvml.so", "libcrypto_mb.so.13")
_LANES = 8
_POINTER_BYTES = 8
# In coordinates from 2^255 - 2^184 on, little-endian, and by chance in one of 2^59.
_NEAR_THE_PRIME = b"\xff" * 8
_MBX_ALGO_X25519 = 4
_MBX_STATUS_LOW_ORDER_ERR = 0x44444444  # as it stands in the four bits of each lane
# RFC 7748, section 5.2: scalar, point and product.
_SCALAR = bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
_POINT = bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
_PRODUCT = bytes.fromhex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")


@dataclass(frozen=True)
class Backend:
    """What multiplies: its name, for people, and `multiply(points, secret)`.

    `points` are whole points of 32 bytes, `secret` is 32 bytes. As in RFC 7748, a point of small
    order gives 32 zero bytes.
    """

    name: str
    multiply: Callable[[bytes, bytes], bytes]


@cache
def chosen() -> Backend:
    """The fast backend, or else the one that works everywhere, named with the reason."""
    fast = multi_buffer()
    return one_by_one(f" ({fast})") if isinstance(fast, str) else fast


def one_by_one(reason: str = "") -> Backend:
    """OpenSSL, as the library `cryptography` carries it."""
    return Backend(f"OpenSSL, one point at a time{reason}", _one_by_one)


def multi_buffer() -> Backend | str:
    """Intel's kernel, or why it cannot be used here."""
    place, name = Path(sys.prefix) / "lib", _LIBRARIES[-1]
    if not (place / name).exists():
        return "the extra 'fast' is not installed"
    try:
        for name in _LIBRARIES:
            library = ctypes.CDLL(str(place / name))
    except OSError:
        return f"{name}, of the extra 'fast', does not load"
    if not _applicable(library):
        return "this processor has no AVX-512 IFMA"
    kernel = library.mbx_x25519_mb8
    kernel.restype, kernel.argtypes = ctypes.c_uint32, [ctypes.c_void_p] * 3
    backend = Backend("Intel's multi-buffer kernel, eight points at once", partial(_eight, kernel))
    if backend.multiply(_POINT * _LANES, _SCALAR) != _PRODUCT * _LANES:
        return f"{name}, of the extra 'fast', gets a known answer wrong"
    return backend


def _applicable(library: ctypes.CDLL) -> bool:
    """Whether this processor has the kernel's instructions; without them a call would crash."""
    library.mbx_is_crypto_mb_applicable.argtypes = [ctypes.c_uint64]
    library.mbx_get_algo_info.restype = ctypes.c_uint64
    detect = 0  # instead of a processor's features
    return bool(
        library.mbx_is_crypto_mb_applicable(detect) and library.mbx_get_algo_info(_MBX_ALGO_X25519)
    )


def _eight(kernel: Callable[[int, int, int], int], points: bytes, secret: bytes) -> bytes:
    """The products by the kernel, which takes three arrays of eight addresses.

    It lets go of Python's lock while it works, so that threads run beside each other. It gets
    some coordinates just below the prime wrong, for it adds the prime once to a difference that
    needs it twice; OpenSSL takes their batch. No honest party sends them (decision 0007).
    """
    if _NEAR_THE_PRIME in points:
        return _one_by_one(points, secret)
    count = len(points) // POINT_BYTES
    batches = -(-count // _LANES)
    products = ctypes.create_string_buffer(batches * _LANES * POINT_BYTES)
    sources = _addresses(_address(points), count)
    sources.extend(sources[:1] * (batches * _LANES - count))  # the last batch is filled up
    targets = _addresses(ctypes.addressof(products), batches * _LANES)
    scalars = array("Q", [_address(secret)] * _LANES)
    source, target, scalar = (a.buffer_info()[0] for a in (sources, targets, scalars))
    status = 0
    for offset in range(0, batches * _LANES * _POINTER_BYTES, _LANES * _POINTER_BYTES):
        status |= kernel(target + offset, scalar, source + offset)
    if status & ~_MBX_STATUS_LOW_ORDER_ERR:
        raise JoinError(
            f"Intel's multi-buffer kernel failed with status {status:#x}.",
            "take the extra 'fast' out of the installation; the join works without it.",
        )
    return ctypes.string_at(products, len(points))


def _addresses(first: int, count: int) -> array[int]:
    return array("Q", range(first, first + count * POINT_BYTES, POINT_BYTES))


def _address(content: bytes) -> int:
    """Where the bytes stand, for reading, as long as the caller holds them."""
    return ctypes.cast(ctypes.c_char_p(content), ctypes.c_void_p).value or 0


def _one_by_one(points: bytes, secret: bytes) -> bytes:
    key, products = X25519PrivateKey.from_private_bytes(secret), []
    for start in range(0, len(points), POINT_BYTES):
        point = X25519PublicKey.from_public_bytes(points[start : start + POINT_BYTES])
        try:
            products.append(key.exchange(point))
        except ValueError:  # OpenSSL refuses to give out the zeros of a point of small order
            products.append(bytes(POINT_BYTES))
    return b"".join(products)
