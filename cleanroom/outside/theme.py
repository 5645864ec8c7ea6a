"""The look that charts and pages share: ink on white, few colours, each legible in greyscale.

Contrast against white is at least 4.5 for what is read and 3 for what is drawn (WCAG 2.2).
"""

from __future__ import annotations

from typing import Any

INK = "#1c2530"
MUTED = "#5a6572"
RULE = "#dfe3e8"
ADS = "#0b6e6e"
STORE = "#34507f"
CAUTION = "#8a4b08"
WITHHELD = "#8b95a1"
WITHHELD_FILL = "#f1f3f5"

FONT = (
    "'Helvetica Neue', Helvetica, Arial, 'PingFang SC', 'Hiragino Sans GB', 'Microsoft YaHei', "
    "'Noto Sans CJK SC', 'Noto Sans SC', sans-serif"
)
# For drawing without a browser: text measures the same, and no large CJK font is searched.
DRAWING_FONT = "Helvetica, Arial, sans-serif"

CONFIG: dict[str, Any] = {
    "background": "white",
    "font": FONT,
    "padding": {"left": 0, "top": 4, "right": 4, "bottom": 4},
    "view": {"stroke": None},
    "title": {
        "anchor": "start",
        "frame": "bounds",
        "color": INK,
        "fontSize": 15,
        "fontWeight": 600,
        "subtitleColor": MUTED,
        "subtitleFontSize": 12.5,
        "subtitlePadding": 5,
        "offset": 14,
    },
    "axis": {
        "domainColor": RULE,
        "tickColor": RULE,
        "gridColor": RULE,
        "labelColor": MUTED,
        "labelFontSize": 12,
        "titleColor": MUTED,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    },
    "axisY": {
        "domain": False,
        "ticks": False,
        "grid": False,
        "labelColor": INK,
        "labelFontSize": 13,
        "labelPadding": 8,
        "labelLimit": 190,
    },
    "axisX": {"domain": False, "labelFlush": False},
    "text": {"align": "left", "baseline": "middle", "color": INK, "fontSize": 13},
    "legend": {
        "orient": "top",
        "symbolType": "square",
        "labelColor": MUTED,
        "labelFontSize": 12.5,
        "labelLimit": 240,
        "columnPadding": 18,
        "offset": 8,
    },
}
