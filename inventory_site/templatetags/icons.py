"""The icon set: outlines on a 16 x 16 grid, drawn with the text's colour."""

from __future__ import annotations

PATHS: dict[str, str] = {
    "brand": ('<path d="M8 1.5 12 7h-2.2l3 4.5H3.2l3-4.5H4z"/><path d="M8 11.5v3"/>'),
    "today": (
        '<rect x="2.5" y="3.5" width="11" height="10" rx="1.5"/><path d="M2.5 6.5h11M5.5 2v3M10.5 2v3"/>'
    ),
    "workbench": '<path d="M2.5 4h11M2.5 8h11M2.5 12h7"/>',
    "plan": '<path d="M2.5 13.5v-11M2.5 13.5h11M5.5 11V8M8.5 11V4.5M11.5 11V6.5"/>',
    "orders": '<path d="M4 1.5h6l2.5 2.5v10.5h-8.5z"/><path d="M6.5 7h4M6.5 10h4"/>',
    "accuracy": (
        '<circle cx="8" cy="8" r="6"/><circle cx="8" cy="8" r="2.8"/><path d="M8 8 13.5 2.5M8 8h.01"/>'
    ),
    "forecast": '<path d="M2 12.5 6 8l2.5 2.5L14 4"/><path d="M10.5 4H14v3.5"/>',
    "replay": '<path d="M3 8a5 5 0 1 0 1.8-3.8"/><path d="M3 2.5v3h3"/><path d="M8 5.5V8l1.8 1.3"/>',
    "scoreboard": '<path d="M2.5 13.5h11M4 13.5v-4M8 13.5v-8M12 13.5v-6"/><path d="m6.5 3 1.5-1.5L9.5 3"/>',
    "what-if": (
        '<path d="M2.5 4.5h5M10.5 4.5h3M2.5 11.5h2M7.5 11.5h6"/><circle cx="9" cy="4.5" r="1.6"/>'
        '<circle cx="6" cy="11.5" r="1.6"/>'
    ),
    "import": '<path d="M8 2v7.5M4.8 6.5 8 9.7l3.2-3.2"/><path d="M2.5 11v2.5h11V11"/>',
    "export": '<path d="M8 9.7V2M4.8 5.2 8 2l3.2 3.2"/><path d="M2.5 11v2.5h11V11"/>',
    "print": ('<path d="M4.5 6V2h7v4M4.5 11.5h-2V6h11v5.5h-2"/><path d="M4.5 9.5h7V14h-7z"/>'),
    "settings": (
        '<circle cx="8" cy="8" r="2.2"/><path d="M8 1.8v2M8 12.2v2M1.8 8h2M12.2 8h2M3.6 3.6 5 5M11 11l1.4 1.4'
        'M3.6 12.4 5 11M11 5l1.4-1.4"/>'
    ),
    "globe": (
        '<circle cx="8" cy="8" r="6"/><path d="M2 8h12M8 2c2 1.8 2.8 3.8 2.8 6S10 12.2 8 14'
        'M8 2C6 3.8 5.2 5.8 5.2 8S6 12.2 8 14"/>'
    ),
    "theme": '<circle cx="8" cy="8" r="6"/><path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor"/>',
    "sun": (
        '<circle cx="8" cy="8" r="2.8"/><path d="M8 1.5V3M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1.1 1.1'
        'M11.5 11.5l1.1 1.1M3.4 12.6l1.1-1.1M11.5 4.5l1.1-1.1"/>'
    ),
    "moon": '<path d="M13.5 9.7A5.8 5.8 0 0 1 6.3 2.5a5.8 5.8 0 1 0 7.2 7.2z"/>',
    "user": '<circle cx="8" cy="5.3" r="2.8"/><path d="M2.8 14c.5-3 2.5-4.3 5.2-4.3s4.7 1.3 5.2 4.3"/>',
    "search": '<circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 3.5 3.5"/>',
    "close": '<path d="m4 4 8 8M12 4l-8 8"/>',
    "check": '<path d="m3 8.5 3.2 3.2L13 4.8"/>',
    "down": '<path d="m4 6 4 4 4-4"/>',
    "right": '<path d="m6 4 4 4-4 4"/>',
    "left": '<path d="m10 4-4 4 4 4"/>',
    "up": '<path d="m4 10 4-4 4 4"/>',
    "undo": '<path d="M3 6.5h6.5a3.5 3.5 0 0 1 0 7H6"/><path d="M5.8 3.5 2.8 6.5l3 3"/>',
    "warning": '<path d="M8 2 14.5 13.5h-13z"/><path d="M8 6.5v3.2M8 11.5v.2"/>',
    "error": '<circle cx="8" cy="8" r="6"/><path d="M8 4.8v4M8 11v.2"/>',
    "info": '<circle cx="8" cy="8" r="6"/><path d="M8 7.2v4M8 4.8V5"/>',
    "clock": '<circle cx="8" cy="8" r="6"/><path d="M8 4.5V8l2.5 1.5"/>',
    "plus": '<path d="M8 3v10M3 8h10"/>',
    "more": (
        '<circle cx="3.5" cy="8" r=".8"/><circle cx="8" cy="8" r=".8"/><circle cx="12.5" cy="8" r=".8"/>'
    ),
    "truck": (
        '<path d="M1.5 4h8v7h-8zM9.5 6.5h2.8L14.5 9v2h-5"/><circle cx="4.5" cy="12" r="1.3"/>'
        '<circle cx="11.5" cy="12" r="1.3"/>'
    ),
    "box": '<path d="M8 1.8 13.5 5v6L8 14.2 2.5 11V5z"/><path d="M2.5 5 8 8l5.5-3M8 8v6.2"/>',
    "play": '<path d="M4.5 3v10l8-5z"/>',
    "logout": '<path d="M9.5 2.5h-6v11h6M7 8h7M11.5 5.5 14 8l-2.5 2.5"/>',
    "key": '<circle cx="5" cy="11" r="2.8"/><path d="m7 9 6-6M11 5l2 2"/>',
    "filter": '<path d="M2 3h12L9.5 8.5V13l-3-1.5v-3z"/>',
    "edit": '<path d="M2.5 13.5 3 10.5l7.5-7.5 2.5 2.5L5.5 13z"/>',
    "send": '<path d="M14 2 7 9M14 2l-4.5 12L7 9 2 6.5z"/>',
    "picture": '<rect x="2" y="3" width="12" height="10" rx="1.5"/><path d="m2.5 11.5 3.5-4 2.5 3 2-2 3 3"/>',
    "signal": '<path d="M2 8h2.5L6.5 3l3 10 2-5H14"/>',
    "api": '<path d="M5.5 4 2 8l3.5 4M10.5 4 14 8l-3.5 4"/>',
}
