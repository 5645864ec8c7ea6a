"""Numbers as readers meet them: separators, currencies, per cent, with as many figures as carry."""

from __future__ import annotations

from math import floor, log10

_MINUS = "\N{MINUS SIGN}"
_SYMBOLS = {"CNY": "¥", "EUR": "€", "GBP": "£", "HKD": "HK$", "JPY": "¥", "SGD": "S$", "USD": "$"}


def count(value: float) -> str:
    """A whole number with thousands separators: '12,345'."""
    return f"{value:,.0f}".replace("-", _MINUS)


def money(minor_units: float, currency: str) -> str:
    """An amount in minor units as its currency writes it: '¥12,345', '¥3.20'.

    Minor units by currency as in the CLDR (100 fen a yuan, none to a yen); from a thousand major
    units upwards the fraction is rounded away.
    """
    from babel.numbers import get_currency_precision

    digits = get_currency_precision(currency)
    major = minor_units / 10**digits
    shown = f"{abs(major):,.{0 if abs(major) >= 1000 else digits}f}"
    return f"{_MINUS if major < 0 else ''}{_SYMBOLS.get(currency, currency + ' ')}{shown}"


def share(value: float, like: float | None = None) -> str:
    """A share as per cent to about three figures: '12.3%', '0.84%'.

    `like`: the share whose decimals to take, so that an estimate and its interval read alike.
    """
    return f"{points(value, like)}%"


def points(value: float, like: float | None = None) -> str:
    """A difference of shares in percentage points, to as many figures as `share`: '0.84'."""
    size = abs(value if like is None else like) * 100
    digits = 1 if size >= 10 else 2 if size >= 0.1 else 3
    return f"{value * 100:,.{digits}f}".replace("-", _MINUS)


def probability(value: float) -> str:
    """A p-value to two figures: '0.0086', 'below 0.0001'."""
    return "below 0.0001" if value < 0.0001 else f"{float(f'{value:.2g}'):.4g}"


def plain(value: float, like: float | None = None) -> str:
    """A number without a unit, or with the decimals of `like`: '3.42', '0.013', '12,300'."""
    size = abs(value if like is None else like)
    digits = 0 if size >= 1000 else 2 if size >= 1 or not size else min(4, 1 - floor(log10(size)))
    return f"{value:,.{digits}f}".replace("-", _MINUS)
