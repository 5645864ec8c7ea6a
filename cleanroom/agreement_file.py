"""The text of an agreement's file: YAML read strictly, and signatures laid below what they sign."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cleanroom.errors import AgreementError
from cleanroom.tables import Platform

_REMARK = "# Each platform's signature on all of the above; not part of the digest."
# The key at the margin, its remark, and what is indented under it.
_SIGNATURES = re.compile(rf"^(?:{re.escape(_REMARK)}\n)?signatures:.*\n?(?:[ \t].*\n?|\n)*", re.M)


def read_text(path: Path) -> str:
    """The file's text; raises `AgreementError` if there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise AgreementError(
            f"No agreement can be read at {path}.", "name the YAML file."
        ) from None
    except UnicodeDecodeError:
        raise AgreementError(f"{path.name} is not YAML.", "mend the file.") from None


def values_of(text: str, source: str) -> Any:
    """The plain values that `text` says; `source` names it in errors.

    Raises `AgreementError` if it is no YAML, or names a key twice.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f" near line {place.line + 1}" if place else ""
        what = "names a key twice" if isinstance(error, _TwiceError) else "is not YAML"
        raise AgreementError(f"{source} {what}{where}.", "mend the file.") from None


def text_of(record: dict[str, Any], signatures: Mapping[Platform, str]) -> str:
    """The YAML of a record of plain values, with its signatures below."""
    text = yaml.safe_dump(record, sort_keys=False, allow_unicode=True)
    return with_signatures(text, signatures)


def with_signatures(text: str, signatures: Mapping[Platform, str]) -> str:
    """The text with these signatures in place of those it had, all else as it was."""
    kept = _SIGNATURES.sub("", text)
    if not signatures:
        return kept
    lines = [f"  {who}: {json.dumps(what)}" for who, what in signatures.items()]
    return "\n".join([kept.rstrip(), "", _REMARK, "signatures:", *lines, ""])


class _TwiceError(yaml.constructor.ConstructorError):
    """A mapping names a key twice; plain YAML would silently take the last."""


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                raise _TwiceError(None, None, "key named twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)
