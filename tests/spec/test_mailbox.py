"""A mailbox keeps whole files at any address; messages and tickets hold for one place only."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from os.path import samestat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from cleanroom import signing, stepwise
from cleanroom.agreement import Agreement, load, parse, to_record
from cleanroom.errors import JoinError
from cleanroom.mailbox import Mailbox, Store, open_mailbox
from cleanroom.matching import are_increasing, join_columns, new_ticket, points
from cleanroom.message import Header, Step, Stream, open_message, seal_message
from cleanroom.stepwise import SILENT, Moved, Waiting, alone, run
from cleanroom.tables import IdentifierKind, KeyRole, Platform
from tests.docs.pages import ROOT

IDENTITY, TRANSPORT = Ed25519PrivateKey.generate(), X25519PrivateKey.generate()
SENDER = signing.public_of(IDENTITY)
RECIPIENT = TRANSPORT.public_key().public_bytes_raw().hex()
STREAM = Stream(
    match="ab" * 32,
    kind=IdentifierKind.CLICK_ID,
    step=Step.BLINDED,
    sender=KeyRole.ADS,
    recipient=KeyRole.STORE,
)
HEADER = Header(stream=STREAM, number=4, last=False, before=12, count=3)


@pytest.fixture(params=["directory", "memory"])
def mailbox(request: pytest.FixtureRequest, tmp_path: Path) -> Mailbox:
    """A mailbox at each kind of address."""
    return open_mailbox(
        str(tmp_path / "box") if request.param == "directory" else f"memory://{tmp_path}"
    )


def sealed(content: bytes = b"records", header: Header = HEADER) -> bytes:
    return seal_message(header, content, IDENTITY, RECIPIENT)


# The mailbox


def test_what_was_written_is_read(mailbox: Mailbox) -> None:
    assert not mailbox.has("m/one")
    assert mailbox.read("m/one", 10) is None
    mailbox.write("m/one", b"content")
    assert mailbox.has("m/one")
    assert mailbox.read("m/one", 10) == b"content"


def test_a_file_written_again_is_replaced(mailbox: Mailbox) -> None:
    mailbox.write("one", b"first")
    mailbox.write("one", b"second")
    assert mailbox.read("one", 10) == b"second"


def test_names_are_those_of_a_folder_and_of_whole_files(mailbox: Mailbox) -> None:
    assert mailbox.names("m") == set()
    for name in ("m/one", "m/two", "n/three"):
        mailbox.write(name, b"")
    mailbox.write("m/four.0123.partial", b"hal")
    assert mailbox.names("m") == {"one", "two"}


def test_a_file_that_is_too_large_is_not_read(mailbox: Mailbox) -> None:
    mailbox.write("large", bytes(11))
    with pytest.raises(JoinError, match=r"large is larger than any message can be \(10 bytes\)"):
        mailbox.read("large", 10)


@pytest.mark.parametrize("size", [4, None])  # None from a store that cannot say
def test_a_file_that_grows_while_it_is_read_is_cut_off(
    size: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(MemoryFileSystem(), str(tmp_path))
    store.write("grown", bytes(20), "partial")
    monkeypatch.setattr(MemoryFileSystem, "size", lambda *_: size)
    assert store.read("grown", 11) == bytes(size or 11)


@pytest.mark.parametrize("name", ["one", "m/one", "m/inner/one"])
def test_a_file_that_is_removed_before_it_is_read_is_not_there(name: str, mailbox: Mailbox) -> None:
    assert mailbox.read(name, 10) is None
    assert mailbox.names(name) == set()
    mailbox.remove(name)


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless")
    with pytest.raises(JoinError, match="endless is no file"):
        open_mailbox(str(tmp_path)).read("endless", 10)


USES: dict[str, Callable[[Mailbox], object]] = {
    "read": lambda mailbox: mailbox.read("m/inner/secret", 10),
    "looked into": lambda mailbox: mailbox.names("m/inner"),
    "written to": lambda mailbox: mailbox.write("m/inner/secret", b"other"),
    "emptied": lambda mailbox: mailbox.remove("m/inner"),
}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that is none of the mailbox's."""
    (tmp_path / "outside" / "inner").mkdir(parents=True)
    (tmp_path / "outside" / "inner" / "secret").write_bytes(b"secret")
    return tmp_path / "outside"


@pytest.mark.parametrize("linked", ["m", "inner"])
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_link_out_of_a_mailbox_is_not_followed(
    use: Callable[[Mailbox], object], linked: str, outside: Path, tmp_path: Path
) -> None:
    box = tmp_path / "box"
    if linked == "m":
        box.mkdir()
        (box / "m").symlink_to(outside)
    else:
        (box / "m").mkdir(parents=True)
        (box / "m" / "inner").symlink_to(outside / "inner")
    with pytest.raises(JoinError, match=f"In the mailbox, {linked} is a link"):
        use(open_mailbox(str(box)))
    assert [p.name for p in (outside / "inner").iterdir()] == ["secret"]
    assert (outside / "inner" / "secret").read_bytes() == b"secret"


@pytest.mark.parametrize("target", ["secret", "/dev/zero", "nowhere"])
def test_a_link_in_a_file_s_place_is_not_read_and_is_replaced(
    target: str, outside: Path, tmp_path: Path
) -> None:
    mailbox, link = open_mailbox(str(tmp_path / "box")), tmp_path / "box" / "file"
    mailbox.write("other", b"")
    link.symlink_to(outside / "inner" / target)
    with pytest.raises(JoinError, match="In the mailbox, file is a link"):
        mailbox.read("file", 10)
    mailbox.write("file", b"content")
    assert mailbox.read("file", 10) == b"content"
    assert not link.is_symlink()
    assert [p.name for p in (outside / "inner").iterdir()] == ["secret"]
    assert (outside / "inner" / "secret").read_bytes() == b"secret"


def test_a_mailbox_may_itself_be_named_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "box")
    open_mailbox(str(tmp_path / "link")).write("one", b"content")
    assert open_mailbox(f"file://{tmp_path}/box").read("one", 10) == b"content"


def test_a_file_is_on_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox, calls = open_mailbox(str(tmp_path)), list[str]()

    def fsync(descriptor: int, real: Callable[[int], None] = os.fsync) -> None:
        found = os.fstat(descriptor)
        (name,) = (p.name for p in (tmp_path, *tmp_path.rglob("*")) if samestat(p.stat(), found))
        calls.append("sync " + name.rpartition(".")[2])
        real(descriptor)

    def rename(*places: Any, real: Callable[..., None] = os.rename, **within: int) -> None:
        calls.append("rename")
        real(*places, **within)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    mailbox.write("m/one", b"content")
    assert calls == [f"sync {tmp_path.name}", "sync partial", "rename", "sync m"]


def test_a_folder_is_removed_with_all_that_is_in_it(mailbox: Mailbox) -> None:
    mailbox.write("m/inner/one", b"")
    mailbox.write("n/two", b"")
    for _ in range(2):  # one that is not there is no matter
        mailbox.remove("m")
    assert not mailbox.has("m/inner/one")
    assert mailbox.has("n/two")


def test_a_crash_while_writing_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = open_mailbox(str(tmp_path))

    def crash(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "rename", crash)
    with pytest.raises(KeyboardInterrupt):
        mailbox.write("m/one", b"content")
    assert mailbox.names("m") == set()


@pytest.mark.parametrize(
    ("url", "problem"),
    [("s3://bucket/box", "needs a library"), ("nowhere://box", "is of no kind that is known")],
)
def test_an_address_that_nothing_reaches_is_said_to_be_one(url: str, problem: str) -> None:
    with pytest.raises(JoinError, match=problem):
        open_mailbox(url)


def test_an_address_where_nobody_answers_is_said_so_without_its_secrets() -> None:
    with pytest.raises(JoinError, match="cannot be reached") as error:
        open_mailbox("ftp://user:secret-token@localhost:1/box")
    assert "secret-token" not in str(error.value)
    assert error.value.__suppress_context__


def test_a_mailbox_that_cannot_be_used_is_said_so_without_its_secrets(tmp_path: Path) -> None:
    (tmp_path / "secret-token").write_text("a file where a folder should be")
    mailbox = open_mailbox(str(tmp_path / "secret-token"))
    with pytest.raises(JoinError, match="cannot be written to") as error:
        mailbox.write("m/one", b"")
    assert "secret-token" not in str(error.value)
    assert error.value.__suppress_context__


# Messages


@given(st.binary(max_size=200))
def test_a_message_opens_for_its_recipient(content: bytes) -> None:
    assert open_message(sealed(content), STREAM, 4, SENDER, TRANSPORT) == (HEADER, content)


def test_a_message_shows_nothing_of_its_content() -> None:
    assert b"records" not in sealed()


@given(st.data())
def test_any_flipped_bit_is_noticed(data: st.DataObject) -> None:
    message = bytearray(sealed())
    place = data.draw(st.integers(0, len(message) - 1))
    message[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(JoinError, match="message 4 of the ads platform's blinded click ids"):
        open_message(bytes(message), STREAM, 4, SENDER, TRANSPORT)


@given(st.data())
def test_any_cut_is_noticed(data: st.DataObject) -> None:
    message = sealed()
    with pytest.raises(JoinError, match="message 4 of the ads platform's blinded click ids"):
        open_message(
            message[: data.draw(st.integers(0, len(message) - 1))], STREAM, 4, SENDER, TRANSPORT
        )


@pytest.mark.parametrize(
    ("changes", "number", "reason"),
    [
        ({}, 5, "in the place of another"),
        ({"match": "cd" * 32}, 4, "another match"),
        ({"kind": IdentifierKind.EMAIL}, 4, "in the place of another"),
        ({"step": Step.DOUBLED}, 4, "in the place of another"),
        ({"sender": KeyRole.STORE}, 4, "in the place of another"),
        ({"recipient": KeyRole.ROOM}, 4, "in the place of another"),
    ],
)
def test_a_message_opens_in_its_place_only(
    changes: dict[str, Any], number: int, reason: str
) -> None:
    with pytest.raises(JoinError, match=reason):
        open_message(sealed(), STREAM.model_copy(update=changes), number, SENDER, TRANSPORT)


def test_a_header_that_is_signed_anew_does_not_open_another_s_content() -> None:
    # Who holds the signing key only cannot pass old content off as the end of a stream.
    first, _, content = sealed().partition(b"\n")
    last = sealed(header=HEADER.model_copy(update={"last": True})).partition(b"\n")[0]
    with pytest.raises(JoinError, match="altered"):
        open_message(last + b"\n" + content, STREAM, 4, SENDER, TRANSPORT)
    assert first != last


# Tickets


@pytest.fixture
def agreement() -> Agreement:
    """An agreement on a blinded join with an email address as a second join key."""
    terms = to_record(load(ROOT / "configs" / "red-cat-plan.yaml"))
    terms["join"] |= {"mode": "blinded", "pad_to": 100, "shared_identifier": "email"}
    for table in ("users", "buyers"):
        terms["opens"][table]["email"] = "join_key"
    return parse(terms, "the agreement")


def test_join_keys_are_the_columns_that_both_platforms_open(agreement: Agreement) -> None:
    assert join_columns(agreement) == {
        IdentifierKind.CLICK_ID: {
            Platform.ADS: ("touches", "cid"),
            Platform.STORE: ("visits", "cid"),
        },
        IdentifierKind.EMAIL: {
            Platform.ADS: ("users", "email"),
            Platform.STORE: ("buyers", "email"),
        },
    }


@pytest.mark.parametrize(
    ("count", "padded"), [(0, 100), (1, 100), (99, 100), (100, 100), (101, 200)]
)
def test_points_are_padded_to_a_multiple(count: int, padded: int, agreement: Agreement) -> None:
    assert points(count, agreement) == padded


def test_without_padding_points_are_as_many_as_identifiers(agreement: Agreement) -> None:
    join = agreement.join.model_copy(update={"pad_to": 1})
    unpadded = agreement.model_copy(update={"join": join})
    assert [points(count, unpadded) for count in (0, 1, 101)] == [0, 1, 101]


def test_a_match_is_another_whenever_a_ticket_is_made(agreement: Agreement) -> None:
    handovers = {Platform.ADS: "ab" * 32, Platform.STORE: "cd" * 32}
    counts = {IdentifierKind.CLICK_ID: {Platform.ADS: 1, Platform.STORE: 2}}
    tickets = [new_ticket(agreement, handovers, counts) for _ in range(2)]
    assert len({ticket.match for ticket in tickets}) == 2


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=6), st.binary(max_size=16))
def test_handles_increase_if_each_is_above_the_one_before(
    handles: list[bytes], after: bytes
) -> None:
    line = [after, *handles]
    expected = not handles or line == sorted(set(line))
    assert are_increasing(b"".join(handles), after) is expected


# Waiting


def test_steps_are_made_until_they_end() -> None:
    told: list[int] = []

    class Told(stepwise.Silent):
        def moved(self, records: int) -> None:
            told.append(records)

    run([Moved(3), Waiting("a friend"), Moved(4)], timeout=9, progress=Told())
    assert told == [3, 4]


def test_who_waits_in_vain_is_told_what_for() -> None:
    def forever() -> Iterator[Waiting]:
        while True:
            yield Waiting("a friend")

    with pytest.raises(JoinError, match="within 0 seconds: waiting for a friend"):
        run(forever(), timeout=0, progress=SILENT)


def test_work_that_one_process_does_is_refused_to_another(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "work"
    with alone(folder), pytest.raises(JoinError, match="Another process"):
        alone(folder).__enter__()
    with alone(folder):  # once it has ended, however it did
        assert folder.stat().st_mode & 0o077 == 0
