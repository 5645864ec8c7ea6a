from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.errors import JoinError
from cleanroom.party import curve, multiplication
from cleanroom.party.multiplication import Backend, multi_buffer, one_by_one
from tests.party import rfc

ORDER_8 = (
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
# All 32-byte strings that X25519 takes for a point of small order: the coordinates 0, 1 and -1
# (order 2, and 4 on curve and twist) and those of order 8, also unreduced and with the high bit.
SMALL = [0, 1, *ORDER_8, rfc.P - 1, rfc.P, rfc.P + 1]
SMALL_ORDER = [(x + high).to_bytes(32, "little") for x in SMALL for high in (0, 2**255)]
CURVE = [4, 9, 2**200 + 7]
TWIST = [2, 3, 2**200 + 8]

points = st.binary(min_size=32, max_size=32)
secrets = st.binary(min_size=32, max_size=32)
batches = st.lists(points, max_size=20).map(b"".join)
messages = st.lists(st.binary(max_size=200), max_size=20)


def encoded(*coordinates: int) -> bytes:
    return b"".join(x.to_bytes(32, "little") for x in coordinates)


def decoded(content: bytes) -> list[int]:
    assert len(content) % 32 == 0
    return [int.from_bytes(content[i : i + 32], "little") for i in range(0, len(content), 32)]


@pytest.fixture(params=["one by one", "eight at once"])
def backend(request: pytest.FixtureRequest) -> Backend:
    found = one_by_one() if request.param == "one by one" else multi_buffer()
    if isinstance(found, str):
        pytest.skip(f"no fast multiplication here: {found}")
    return found


# --- hashing to the curve ---


@dataclass(frozen=True)
class Encoded:
    """A vector of RFC 9380, appendix J.4.2."""

    message: bytes
    u: str
    q: str
    p: str


J_4_2_DST = b"QUUX-V01-CS02-with-curve25519_XMD:SHA-512_ELL2_NU_"
J_4_2 = [
    Encoded(
        b"",
        "608d892b641f0328523802a6603427c26e55e6f27e71a91a478148d45b5093cd",
        "51125222da5e763d97f3c10fcc92ea6860b9ccbbd2eb1285728f566721c1e65b",
        "1bb913f0c9daefa0b3375378ffa534bda5526c97391952a7789eb976edfe4d08",
    ),
    Encoded(
        b"abc",
        "46f5b22494bfeaa7f232cc8d054be68561af50230234d7d1d63d1d9abeca8da5",
        "7d56d1e08cb0ccb92baf069c18c49bb5a0dcd927eff8dcf75ca921ef7f3e6eeb",
        "7c22950b7d900fa866334262fcaea47a441a578df43b894b4625c9b450f9a026",
    ),
    Encoded(
        b"abcdef0123456789",
        "235fe40c443766ce7e18111c33862d66c3b33267efa50d50f9e8e5d252a40aaa",
        "3fbe66b9c9883d79e8407150e7c2a1c8680bee496c62fabe4619a72b3cabe90f",
        "31ad08a8b0deeb2a4d8b0206ca25f567ab4e042746f792f4b7973f3ae2096c52",
    ),
    Encoded(
        b"q128_" + b"q" * 128,
        "001e92a544463bda9bd04ddbe3d6eed248f82de32f522669efc5ddce95f46f5b",
        "227e0bb89de700385d19ec40e857db6e6a3e634b1c32962f370d26f84ff19683",
        "027877759d155b1997d0d84683a313eb78bdb493271d935b622900459d52ceaa",
    ),
    Encoded(
        b"a512_" + b"a" * 512,
        "1a68a1af9f663592291af987203393f707305c7bac9c8d63d6a729bdc553dc19",
        "3bcd651ee54d5f7b6013898aab251ee8ecc0688166fce6e9548d38472f6bd196",
        "5fd892c0958d1a75f54c3182a18d286efab784e774d1e017ba2fb252998b5dc1",
    ),
]

# RFC 9380, appendix K.3, those of 32 bytes.
K_3_DST = b"QUUX-V01-CS02-with-expander-SHA512-256"
K_3 = {
    b"": "6b9a7312411d92f921c6f68ca0b6380730a1a4d982c507211a90964c394179ba",
    b"abc": "0da749f12fbe5483eb066a5f595055679b976e93abe9be6f0f6318bce7aca8dc",
    b"abcdef0123456789": "087e45a86e2939ee8b91100af1583c4938e0f5fc6c9db4b107b83346bc967f58",
    b"q128_" + b"q" * 128: "7336234ee9983902440f6bc35b348352013becd88938d2afec44311caf8356b3",
    b"a512_" + b"a" * 512: "57b5f7e766d5be68a6bfe1768e3c2b7f1228b3e4b3134956dd73a59b954c66f4",
}


@pytest.mark.parametrize("vector", J_4_2, ids=lambda vector: vector.message[:16].decode())
def test_hashing_gives_the_published_points(vector: Encoded) -> None:
    (uniform,) = curve._expanded([vector.message], J_4_2_DST, 48)
    assert int.from_bytes(uniform, "big") % rfc.P == int(vector.u, 16)
    (q,) = decoded(curve.hashed([vector.message], J_4_2_DST))
    assert q == int(vector.q, 16)
    assert rfc.times(8, q) == int(vector.p, 16)


@pytest.mark.parametrize("vector", J_4_2, ids=lambda vector: vector.message[:16].decode())
def test_the_reference_gives_the_published_points_too(vector: Encoded) -> None:
    u = rfc.hash_to_field(vector.message, J_4_2_DST)
    assert (u, rfc.map_to_curve_elligator2(u)) == (int(vector.u, 16), int(vector.q, 16))
    assert rfc.on_the_curve(int(vector.q, 16))
    assert rfc.on_the_curve(int(vector.p, 16))


def test_expansion_gives_the_published_strings() -> None:
    expanded = [string.hex() for string in curve._expanded(K_3, K_3_DST, 32)]
    assert expanded == list(K_3.values())


@given(st.binary(max_size=200), st.binary(min_size=1, max_size=400), st.integers(1, 64))
def test_expansion_is_the_rfcs_for_tags_of_any_length(
    message: bytes, dst: bytes, length: int
) -> None:
    (expanded,) = curve._expanded([message], dst, length)
    assert expanded == rfc.expand_message_xmd(message, dst, length)


@given(messages)
def test_every_hash_is_the_rfcs_and_on_the_curve(texts: list[bytes]) -> None:
    dst = curve.domain("plan", "2026-h1", "click_id")
    found = decoded(curve.hashed(iter(texts), dst))
    assert found == [rfc.map_to_curve_elligator2(rfc.hash_to_field(text, dst)) for text in texts]
    assert all(map(rfc.on_the_curve, found))
    curve.checked(encoded(*found))


@given(st.lists(st.integers(0, 2**384 - 1) | st.sampled_from([0, 1, rfc.P - 1, rfc.P]), max_size=9))
def test_the_map_is_the_rfcs_for_any_element(elements: list[int]) -> None:
    found = curve._mapped([element.to_bytes(48, "big") for element in elements])
    assert decoded(found) == [rfc.map_to_curve_elligator2(u % rfc.P) for u in elements]


def test_the_map_has_no_exceptional_case() -> None:
    # 1 + 2u² = 0 or x³ + Jx² + x = 0 would need one of these to be squares.
    assert not rfc.is_square(-pow(2, -1, rfc.P) % rfc.P)
    assert not rfc.is_square((rfc.J**2 - 4) % rfc.P)


def test_more_messages_than_are_inverted_together_keep_their_order() -> None:
    texts, dst = [b"%d" % i for i in range(2500)], curve.domain("a")
    assert curve.hashed(texts, dst) == b"".join(curve.hashed([text], dst) for text in texts)


def test_no_messages_give_no_points() -> None:
    assert curve.hashed([], curve.domain("a")) == b""


# --- domains ---


@given(st.lists(st.text()), st.lists(st.text()))
def test_a_domain_is_its_names_and_nothing_else(some: list[str], other: list[str]) -> None:
    assert (curve.domain(*some) == curve.domain(*other)) == (some == other)


def test_a_domain_names_protocol_and_version() -> None:
    for names in ((), ("plan", "2026-h1", "click_id"), ("n" * 1000,)):
        tag = curve.domain(*names)
        assert tag.startswith(b"cleanroom-blinded-join-V1")
        assert 16 <= len(tag) <= 255  # RFC 9380, section 3.1
    assert curve.domain("ab", "c") != curve.domain("a", "bc")


def test_another_domain_has_other_points() -> None:
    one, other = (curve.hashed([b"cid"], curve.domain("plan", epoch)) for epoch in ("1", "2"))
    assert one != other


# --- multiplication ---


# RFC 7748, section 5.2: scalar, point, product.
RFC_7748_5_2 = [
    (
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    ),
    (
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
    ),
]
# After so many iterations of the same section.
RFC_7748_ITERATED = {
    1: "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
    1000: "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51",
}
# Section 6.1: the secrets of Alice and Bob, their public keys, and what they share.
ALICE, BOB, ALICE_PUBLIC, BOB_PUBLIC, SHARED = map(
    bytes.fromhex,
    (
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    ),
)


@pytest.mark.parametrize(("scalar", "point", "product"), RFC_7748_5_2)
def test_multiplying_gives_the_published_products(
    scalar: str, point: str, product: str, backend: Backend
) -> None:
    found = backend.multiply(bytes.fromhex(point), bytes.fromhex(scalar))
    assert (
        found == rfc.x25519(bytes.fromhex(scalar), bytes.fromhex(point)) == bytes.fromhex(product)
    )


def test_multiplying_again_and_again_gives_the_published_products(backend: Backend) -> None:
    scalar = point = encoded(9)
    found = {}
    for count in range(1, 1001):
        scalar, point = backend.multiply(point, scalar), scalar
        found[count] = scalar.hex()
    assert {count: found[count] for count in RFC_7748_ITERATED} == RFC_7748_ITERATED


def test_two_secrets_commute_as_published(backend: Backend) -> None:
    assert backend.multiply(encoded(9), ALICE) == ALICE_PUBLIC
    assert backend.multiply(encoded(9), BOB) == BOB_PUBLIC
    assert backend.multiply(BOB_PUBLIC, ALICE) == SHARED
    assert backend.multiply(ALICE_PUBLIC, BOB) == SHARED


@given(batches, secrets)
def test_a_batch_is_multiplied_as_the_rfc_says(batch: bytes, secret: bytes) -> None:
    starts = range(0, len(batch), 32)
    expected = b"".join(rfc.x25519(secret, batch[i : i + 32]) for i in starts)
    assert one_by_one().multiply(batch, secret) == expected
    fast = multi_buffer()
    if not isinstance(fast, str):
        assert fast.multiply(batch, secret) == expected


@given(st.lists(st.sampled_from(SMALL_ORDER) | points, max_size=20).map(b"".join), secrets)
def test_both_ways_of_multiplying_give_the_same(batch: bytes, secret: bytes) -> None:
    fast = multi_buffer()
    if isinstance(fast, str):
        pytest.skip(f"no fast multiplication here: {fast}")
    assert fast.multiply(batch, secret) == one_by_one().multiply(batch, secret)


def test_coordinates_about_the_prime_and_zero_are_multiplied_rightly(backend: Backend) -> None:
    # Intel's kernel alone gets those from p - 1393 to p - 1 wrong, and p - 2^128 - 1 and its like.
    edges = [*range(rfc.P - 40, 2**255), *range(rfc.P - 1400, rfc.P - 1380), *range(40)]
    edges += [
        (sign * n * 2**128 + d) % rfc.P for sign in (-1, 1) for n in (1, 2, 8) for d in (-2, 2)
    ]
    for x in edges:
        assert backend.multiply(encoded(x), ALICE) == rfc.x25519(ALICE, encoded(x))
    expected = b"".join(rfc.x25519(BOB, encoded(x)) for x in edges)
    assert backend.multiply(encoded(*edges), BOB) == expected


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 16, 1003])
def test_a_batch_may_have_any_number_of_points(count: int, backend: Backend) -> None:
    batch = curve.hashed((b"%d" % i for i in range(count)), curve.domain("a"))
    single = [backend.multiply(batch[i : i + 32], ALICE) for i in range(0, len(batch), 32)]
    assert backend.multiply(batch, ALICE) == b"".join(single)
    assert len(single) == count


@given(messages, secrets, secrets)
def test_the_order_of_two_blindings_does_not_matter(
    texts: list[bytes], ours: bytes, theirs: bytes
) -> None:
    found = curve.hashed(texts, curve.domain("a"))
    once, other = curve.multiplied(found, ours), curve.multiplied(found, theirs)
    assert curve.multiplied(once, theirs) == curve.multiplied(other, ours)
    curve.checked(once)


@given(secrets)
def test_blinding_clears_the_cofactor_as_the_rfc_has_it(secret: bytes) -> None:
    q = int(J_4_2[1].q, 16)
    scalar = int.from_bytes(secret, "little") & ~7 & (2**255 - 1) | 2**254
    blinded = curve.multiplied(encoded(q), secret)
    assert decoded(blinded) == [rfc.times(scalar // 8, int(J_4_2[1].p, 16))]


def test_threads_multiply_beside_each_other(backend: Backend) -> None:
    batch = curve.hashed((b"%d" % i for i in range(200)), curve.domain("a"))
    keys = [bytes([i]) * 32 for i in range(8)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda key: backend.multiply(batch, key), keys))
    assert found == [backend.multiply(batch, key) for key in keys]


def test_a_new_secret_is_32_bytes_and_new() -> None:
    first, second = curve.new_secret(), curve.new_secret()
    assert len(first) == len(second) == 32
    assert first != second


# --- what no honest party sends ---


@pytest.mark.parametrize("point", SMALL_ORDER, ids=bytes.hex)
def test_a_point_of_small_order_is_refused(point: bytes, backend: Backend) -> None:
    assert rfc.x25519(ALICE, point) == bytes(32)
    assert backend.multiply(point, ALICE) == bytes(32)
    with pytest.raises(JoinError, match=r"Of 10 points, counted from 0: 1 of small order \(at 3\)"):
        curve.multiplied(encoded(*[9] * 3) + point + encoded(*[9] * 6), ALICE)
    with pytest.raises(JoinError, match=r"1 (of small order|not canonical|on the twist) \(at 1\)"):
        curve.checked(encoded(9) + point)


def test_zeros_across_two_products_are_no_small_order(monkeypatch: pytest.MonkeyPatch) -> None:
    products = b"\1" * 16 + bytes(32) + b"\1" * 16
    fake = Backend("fake", lambda points, secret: products)
    monkeypatch.setattr(curve, "chosen", lambda: fake)
    assert curve.multiplied(bytes(64), ALICE) == products


def test_points_of_order_8_are_on_the_curve_and_told_by_name() -> None:
    for x in ORDER_8:
        assert rfc.on_the_curve(x)
        assert rfc.times(8, x) == 0
        with pytest.raises(JoinError, match="1 of small order"):
            curve.checked(encoded(x))


@pytest.mark.parametrize("x", [rfc.P, rfc.P + 9, 2**255 - 1, 2**255 + 9, 2**256 - 1])
def test_a_coordinate_that_is_not_canonical_is_refused(x: int) -> None:
    with pytest.raises(JoinError, match=r"1 not canonical \(at 0\)"):
        curve.checked(encoded(x))


@pytest.mark.parametrize("x", TWIST)
def test_a_point_on_the_twist_is_refused(x: int) -> None:
    assert not rfc.on_the_curve(x)
    with pytest.raises(JoinError, match=r"1 on the twist \(at 3\)"):
        curve.checked(encoded(*CURVE, x))


@given(batches)
def test_checked_passes_exactly_the_canonical_points_of_the_curve(batch: bytes) -> None:
    good = [x < rfc.P and x not in SMALL and rfc.on_the_curve(x) for x in decoded(batch)]
    if all(good):
        curve.checked(batch)
    else:
        with pytest.raises(JoinError):
            curve.checked(batch)


def test_faults_are_counted_and_only_the_first_named() -> None:
    batch = encoded(*CURVE, *TWIST * 3, 1, 2**255 + 9)
    with pytest.raises(JoinError) as caught:
        curve.checked(batch)
    assert caught.value.problem == (
        "Of 14 points, counted from 0: 1 not canonical (at 13); 1 of small order (at 12); "
        "9 on the twist (at 3, 4, 5, 6, 7, …)."
    )


@pytest.mark.parametrize("length", [1, 31, 33, 63])
def test_a_part_of_a_point_is_refused(length: int) -> None:
    for act in (curve.checked, lambda content: curve.multiplied(content, ALICE)):
        with pytest.raises(JoinError, match=f"{length} bytes are no whole number of points"):
            act(bytes([9]) * length)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_secret_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(JoinError, match="secret has not 32 bytes"):
        curve.multiplied(encoded(9), b"s" * length)


def test_no_point_and_no_message_stands_in_an_error() -> None:
    point, text = encoded(TWIST[-1]), "cid-that-nobody-may-see"
    for act in (
        lambda: curve.checked(point),
        lambda: curve.checked(point[:-1]),
        lambda: curve.multiplied(encoded(1) + point, ALICE),
        lambda: curve.multiplied(point, ALICE[:-1]),
        lambda: curve.hashed([cast(bytes, text)], b"d"),
    ):
        with pytest.raises((JoinError, TypeError)) as caught:
            act()
        for value in (point.hex(), repr(point)[2:-1], str(TWIST[-1]), text, ALICE.hex()):
            assert value not in str(caught.value)


# --- why the hash itself is not taken for a coordinate ---


@given(points, secrets, secrets)
def test_a_blinded_twist_point_is_recognised(content: bytes, ours: bytes, theirs: bytes) -> None:
    # Curve and twist are two groups, and X25519 never leads from one to the other: whoever sees a
    # blinded coordinate knows of the unblinded one on which of the two it is. A hash taken for a
    # coordinate is on either with even odds, so every blinded point would tell one bit of it.
    x = int.from_bytes(content, "little") & (2**255 - 1)
    blinded = decoded(rfc.x25519(theirs, rfc.x25519(ours, content)))[0]
    assert blinded == 0 or rfc.on_the_curve(blinded) == rfc.on_the_curve(x)


# --- what multiplies ---


def test_the_backend_is_named_with_the_reason_if_it_is_not_the_fast_one() -> None:
    fast = multi_buffer()
    if isinstance(fast, str):
        assert curve.backend() == f"OpenSSL, one point at a time ({fast})"
    else:
        assert curve.backend() == fast.name == "Intel's multi-buffer kernel, eight points at once"


def test_without_the_extra_openssl_multiplies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert multi_buffer() == "the extra 'fast' is not installed"
    chosen = multiplication.chosen.__wrapped__()
    assert chosen.name == "OpenSSL, one point at a time (the extra 'fast' is not installed)"
    assert chosen.multiply(encoded(9), ALICE) == ALICE_PUBLIC


def test_a_library_that_does_not_load_is_named_without_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libcrypto_mb.so.13").write_bytes(b"no library")
    assert multi_buffer() == "libintlc.so.5, of the extra 'fast', does not load"


class Library(SimpleNamespace):
    """A library whose processor has, or has not, what its kernel needs."""

    def __init__(self, applicable: int, width: int) -> None:
        super().__init__(
            mbx_is_crypto_mb_applicable=lambda features: applicable,
            mbx_get_algo_info=lambda algorithm: width if algorithm == 4 else 0,
            mbx_x25519_mb8=lambda products, scalars, points: 0,
        )


@pytest.mark.parametrize(
    ("applicable", "width", "reason"),
    [
        (0, 0, "this processor has no AVX-512 IFMA"),
        (1, 0, "this processor has no AVX-512 IFMA"),
        (1, 8, "libcrypto_mb.so.13, of the extra 'fast', gets a known answer wrong"),
    ],
)
def test_a_kernel_that_does_not_fit_the_processor_is_not_used(
    applicable: int, width: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libcrypto_mb.so.13").touch()
    # functions take the attributes that ctypes sets, as its own do
    monkeypatch.setattr("ctypes.CDLL", lambda path: Library(applicable, width))
    assert multi_buffer() == reason


def test_a_kernel_that_fails_is_told() -> None:
    unsupported = 0xAAAAAAAA  # MBX_STATUS_UNSUPPORTED_ISA_ERR in every lane
    with pytest.raises(JoinError, match="failed with status 0xaaaaaaaa"):
        multiplication._eight(lambda *addresses: unsupported, encoded(9), ALICE)


def test_the_module_is_light_enough_for_worker_processes() -> None:
    code = "import sys, cleanroom.party.curve as c; c.backend(); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = {name.split(".")[0] for name in run.stdout.split()}
    assert not loaded & {"polars", "pydantic", "numpy", "narwhals", "typer", "yaml"}
