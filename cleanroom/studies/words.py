"""Numbers and lists as a study's sentences write them."""

from __future__ import annotations

from collections.abc import Sequence

_MINUS = "\N{MINUS SIGN}"
_SYMBOLS = {"CNY": "¥", "EUR": "€", "GBP": "£", "HKD": "HK$", "JPY": "¥", "SGD": "S$", "USD": "$"}


def joined(parts: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def sentence(clause: str) -> str:
    """The clause with a capital letter and a full stop."""
    return f"{clause[0].upper()}{clause[1:]}."


def whole(value: float) -> str:
    """A whole number with thousands separators: '12,345'."""
    return f"{round(value):,}".replace("-", _MINUS)


def counted(value: float | None, noun: str = "") -> str:
    """'12,345 people'; 'a withheld number of people' where there is no value."""
    if value is None:
        return f"a withheld number{f' of {noun}' if noun else ''}"
    return f"{whole(value)} {noun}".rstrip()


def share(value: float, like: float | None = None) -> str:
    """A share as per cent to about three figures, or to those of `like`: '12.3%', '0.84%'."""
    size = abs(value if like is None else like) * 100
    digits = 1 if size >= 10 else 2 if size >= 0.1 else 3
    return f"{value * 100:,.{digits}f}%".replace("-", _MINUS)


def points(value: float) -> str:
    """A difference of shares: '0.68 percentage points'."""
    return f"{share(value).removesuffix('%')} percentage points"


def money(minor_units: float, currency: str) -> str:
    """An amount in minor units as its currency writes it: '¥12,345', '¥3.20'.

    Minor units by currency as in the CLDR (so 100 fen a yuan, 1 a yen); from a thousand major
    units upwards the fraction is rounded away.
    """
    from babel.numbers import get_currency_precision

    digits = get_currency_precision(currency)
    major = minor_units / 10**digits
    shown = f"{abs(major):,.{0 if abs(major) >= 1000 else digits}f}"
    sign = _MINUS if major < 0 else ""
    return f"{sign}{_SYMBOLS.get(currency, currency + ' ')}{shown}"


def probability(value: float) -> str:
    """A p-value to two figures: 'p = 0.0086', 'p < 0.0001'."""
    return "p < 0.0001" if value < 0.0001 else f"p = {float(f'{value:.2g}'):.4g}"
