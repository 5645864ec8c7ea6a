"""The collaboration agreement: one YAML file, read strictly into typed models, hashed canonically.

It names the parties and their public keys, the tables and columns each side opens, the studies
and notebooks permitted, the disclosure policy, and which merchants take part. The room runs
nothing that the agreement does not allow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cleanroom import signing
from cleanroom.agreement_file import read_text, text_of, values_of
from cleanroom.errors import AgreementError, did_you_mean
from cleanroom.policy import Policy, strictest
from cleanroom.tables import TABLES, IdentifierKind, Platform, Role

PublicKey = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Signature = Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Model(BaseModel):
    """Frozen, strict, and closed: an unknown key or a wrong type is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class StudyKind(StrEnum):
    """The studies a collaboration can permit."""

    CONVERSION = "conversion"
    LIFT = "lift"
    OBSERVATIONAL = "observational"
    GEO = "geo"


class JoinMode(StrEnum):
    """How the join key is protected.

    `keyed`: HMAC under a key that both platforms have and the room never has. `blinded`: each
    platform multiplies the key's curve point by a secret of its own; no common key exists.
    """

    KEYED = "keyed"
    BLINDED = "blinded"


class TokenHash(StrEnum):
    """The hash under the HMAC of tokens: SHA-256 (FIPS 180-4) or SM3 (GB/T 32905-2016)."""

    HMAC_SHA256 = "hmac-sha256"
    HMAC_SM3 = "hmac-sm3"


class PartyTerms(Model):
    """A platform: its name, the public keys it signs, agrees keys, and reviews with, its rules.

    Keys are hex of 32 bytes, and null in a draft: `cleanroom agreement complete` fills them in.
    `policy` holds together with the agreement's and the other platform's: the strictest counts.
    """

    name: str
    identity_key: PublicKey | None = None
    transport_key: PublicKey | None = None
    reviewers: dict[str, PublicKey] = {}
    policy: Policy | None = None


class RoomTerms(Model):
    """The room's operator, and the public keys it signs with and that handovers are sealed to."""

    name: str
    identity_key: PublicKey | None = None
    transport_key: PublicKey | None = None


class Join(Model):
    """The join on CID, and on a shared identifier (email, phone) where one is opened.

    `pad_to`: in a blinded join, the points handed over are filled up with dummies to a multiple
    of it, so that the other platform does not learn how many there are; 1 adds none.
    """

    mode: JoinMode = JoinMode.KEYED
    attribution_window_days: int = Field(default=15, ge=1, le=180)
    shared_identifier: IdentifierKind | None = None
    pad_to: int = Field(default=1, ge=1)


class PermittedStudy(Model):
    """A study that may be asked, and the file name of the notebook that shows it.

    As which file, and with which parameters, both platforms approve in a study template.
    """

    notebook: str


class StandingRule(Model):
    """What both platforms approve beforehand: candidates in which the machine finds nothing.

    Of the kinds of `studies` named; each released count of people at least `margin` times
    `min_people`, and at most a share `max_withheld` of all cells withheld.
    """

    name: Name
    studies: frozenset[StudyKind]
    margin: float = Field(ge=1)
    max_withheld: float = Field(ge=0, le=1)


class Eligibility(Model):
    """The programme's rules for merchants; money in minor units per day."""

    shop_types: frozenset[str]
    categories: frozenset[str]
    min_score: float
    min_daily_budget: int = Field(ge=0)


class Agreement(Model):
    """What both platforms have agreed; see the module's text and `docs/agreement.md`."""

    collaboration: Name
    version: int = Field(ge=1)
    epoch: Name
    token_hash: TokenHash = TokenHash.HMAC_SHA256
    timezone: str
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    valid_from: date
    valid_until: date
    retention_days: int = Field(ge=1)
    parties: dict[Platform, PartyTerms]
    room: RoomTerms
    join: Join
    opens: dict[str, dict[str, Role]]
    studies: dict[StudyKind, PermittedStudy]
    policy: Policy
    eligibility: Eligibility
    # Studies a merchant has opened; a merchant not named here has opened all.
    merchant_scopes: dict[str, frozenset[StudyKind]] = {}
    # What may be released without a reviewer's vote; none, if it is not agreed.
    standing_rule: StandingRule | None = None
    # On everything above; a signature cannot cover itself, so they are no part of the digest.
    signatures: dict[Platform, Signature] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if set(self.parties) != set(Platform):
            raise ValueError("parties: both 'ads' and 'store' must be named.")
        if self.valid_until < self.valid_from:
            raise ValueError("valid_until: lies before valid_from.")
        _check_timezone(self.timezone)
        _check_keys(self.parties, self.room)
        if self.join.pad_to > 1 and self.join.mode is not JoinMode.BLINDED:
            raise ValueError("join.pad_to: only a blinded join is padded.")
        for table, columns in self.opens.items():
            _check_opened(table, columns)
        for table in ("users", "buyers"):
            _check_shared(table, self.opens.get(table, {}), self.join.shared_identifier)
        return self

    @property
    def effective_policy(self) -> Policy:
        """The strictest of the agreement's policy and both platforms' own."""
        own = (terms.policy for terms in self.parties.values() if terms.policy)
        return reduce(strictest, own, self.policy)

    def opened(self, platform: Platform) -> dict[str, dict[str, Role]]:
        """The tables and columns that `platform` opens."""
        return {t: c for t, c in self.opens.items() if TABLES[t].platform is platform}

    def may_study(self, merchant: str, study: StudyKind) -> bool:
        """Whether the merchant has opened this study."""
        return study in self.merchant_scopes.get(merchant, frozenset(StudyKind))


def load(path: Path) -> Agreement:
    """Read an agreement; raises `AgreementError` naming every place that is wrong."""
    return parse(values_of(read_text(path), path.name), path.name)


def parse(raw: Any, source: str) -> Agreement:
    """Validate an agreement given as plain values; `source` names it in errors."""
    try:
        # JSON is the strict mode in which dates and enums are text and nothing else is coerced.
        return Agreement.model_validate_json(json.dumps(raw, default=_iso))
    except TypeError:
        raise AgreementError(
            f"{source} has a key that is not text.", "put such keys in quotes."
        ) from None
    except ValidationError as error:
        problems = "\n  - ".join(_explain(item, Agreement) for item in error.errors())
        raise AgreementError(
            f"{source} is not a valid agreement:\n  - {problems}", "correct the places named."
        ) from None


def to_record(agreement: Agreement) -> dict[str, Any]:
    """The terms as plain JSON values, sets in sorted order; without the signatures on them."""
    record: dict[str, Any] = _sorted(agreement.model_dump(mode="python", exclude={"signatures"}))
    return record


def agreement_digest(agreement: Agreement) -> str:
    """SHA-256 of the canonical form; every handover, candidate and release names it."""
    return signing.digest(to_record(agreement))


def write(agreement: Agreement, path: Path) -> None:
    """Write the agreement with its signatures, as YAML that `load` reads back as it was."""
    text = text_of(to_record(agreement), agreement.signatures)
    signing.write_whole(path, text.encode())


def with_keys(agreement: Agreement, enrolments: Iterable[dict[str, str]]) -> Agreement:
    """The agreement with public keys filled in, and without signatures: they were on other terms.

    An enrolment is what `cleanroom keys create` makes public: `role` (ads, store, room or
    reviewer), keys in hex, and for a reviewer `platform` and `name`. Raises `AgreementError`, as
    for one that was created for another collaboration or epoch, saying which.
    """
    record = to_record(agreement)
    for enrolment in enrolments:
        _check_meant_for(agreement, enrolment)
        keys = {name: key for name, key in enrolment.items() if name.endswith("_key")}
        match enrolment:
            case {"role": "room"}:
                record["room"].update(keys)
            case {
                "role": "reviewer",
                "platform": "ads" | "store" as platform,
                "name": name,
                "identity_key": key,
            }:
                record["parties"][platform]["reviewers"][name] = key
            case {"role": "ads" | "store" as platform}:
                record["parties"][platform].update(keys)
            case _:
                raise AgreementError("A public.json names no known role.", "create the keys again.")
    return parse(record, "the completed agreement")


def _check_meant_for(agreement: Agreement, enrolment: dict[str, str]) -> None:
    for name in ("collaboration", "epoch"):
        wanted = getattr(agreement, name)
        if enrolment.get(name, wanted) != wanted:
            raise AgreementError(
                f"The keys of '{enrolment.get('role')}' are for {name} '{enrolment[name]}'.",
                f"use keys that were created for this agreement, whose {name} is '{wanted}'.",
            )


def _check_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"timezone: there is no '{name}'; a name is 'Asia/Shanghai'.") from None


def _check_keys(parties: dict[Platform, PartyTerms], room: RoomTerms) -> None:
    """A key that served two would let one person sign for both platforms."""
    keys = [room.identity_key, room.transport_key]
    for terms in parties.values():
        keys += [terms.identity_key, terms.transport_key, *terms.reviewers.values()]
    named = [key for key in keys if key]
    if len(named) != len(set(named)):
        raise ValueError("parties, room: a public key is named twice; each has one use.")


def _check_shared(table: str, columns: dict[str, Role], shared: str | None) -> None:
    """The identifier that both sides join on is opened, and no other."""
    if shared and shared not in columns:
        raise ValueError(f"opens.{table}: the shared identifier '{shared}' is not opened.")
    for name, role in columns.items():
        if role is Role.JOIN_KEY and name != shared:
            raise ValueError(f"opens.{table}.{name}: join.shared_identifier does not name it.")


def _check_opened(table: str, columns: dict[str, Role]) -> None:
    if table not in TABLES:
        raise ValueError(f"opens: there is no table '{table}'; {did_you_mean(table, TABLES)}")
    contract = TABLES[table]
    for name, role in columns.items():
        if name not in contract.columns:
            hint = did_you_mean(name, contract.columns)
            raise ValueError(f"opens.{table}: there is no column '{name}'; {hint}")
        if role is not contract.columns[name].role:
            wanted = contract.columns[name].role
            raise ValueError(f"opens.{table}.{name}: its role is '{wanted}', not '{role}'.")
    missing = [c for c in contract.columns if c not in columns and c not in contract.optional]
    if missing:
        raise ValueError(f"opens.{table}: the studies need {', '.join(missing)} as well.")


def _explain(item: Any, model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in item["loc"] if part != "[key]")
    if item["type"] == "extra_forbidden":
        known = _fields_at(model, item["loc"][:-1])
        return f"{where}: unknown key; {did_you_mean(str(item['loc'][-1]), known)}"
    words = str(item["msg"]).removeprefix("Value error, ")
    return f"{where}: {words}" if where else words


def _fields_at(model: Any, place: tuple[Any, ...]) -> list[str]:
    """Field names of the model found by walking `place` down from `model`."""
    for part in place:
        fields = getattr(model, "model_fields", None)
        annotation = fields[part].annotation if fields and part in fields else None
        model = annotation if annotation is not None else (get_args(model) or (model,))[-1]
    kinds = [kind for kind in (model, *get_args(model)) if hasattr(kind, "model_fields")]
    return list(kinds[0].model_fields) if kinds else []  # `Policy | None` is a Policy


def _iso(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise AgreementError(
        f"The agreement holds a {type(value).__name__}.", "use text, numbers, lists and mappings."
    )


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _sorted(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(str(item) for item in value)
    if isinstance(value, StrEnum):
        return value.value
    return value.isoformat() if isinstance(value, date) else value
