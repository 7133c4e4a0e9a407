"""Pictures of groceries, drawn for the demo: each tells what it is, and no two are the same."""

from __future__ import annotations

import colorsys
import hashlib
import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

CREDIT = "Drawn by Forestock's demo"
SIDE = 320
# Drawn so many times as large, then scaled down: smooth edges.
_FINE = 2

Colour = tuple[int, int, int]
Draw = Callable[["ImageDraw", "Palette"], None]

# Words in a category's name that tell what its products look like; the first that fit win.
SHAPES = tuple(
    (name, re.compile(rf"\b({words})", re.IGNORECASE))
    for name, words in (
        ("pizza", "pizza"),
        ("eggs", "eggs"),
        ("cheese", "cheese"),
        ("tub", "yogurt|margarine|butter|ice cream|dips|salads"),
        ("carton", "fluid milk|milk|refrgratd juices"),
        ("bottle", "soft drinks|water|isotonic|beers|wine|drnk"),
        ("can", "soup|canned|beans|cat food|dog food|shelf stable|canned juices"),
        ("bread", "bread|rolls|bakery|buns|sweet goods"),
        ("box", "cereal|crackers|cookies|dinner|diapers|snacks -|brkfst|coffee"),
        ("bag", "bag snacks|snacks|salad mix|candy|frzn|frozen|potatoes"),
        ("roll", "tissue|towel|tiss|napkin"),
        ("jar", "sauce|condiments|jelly|jams|drsng|spices"),
        ("meat", "beef|pork|chicken|meat|bacon|sausage|hot dogs|poultry|seafood"),
        ("fruit", "apples|citrus|berries|grapes|fruit|tomatoes|onions|peppers|melons"),
    )
)


def shape_of(category: str) -> str | None:
    """The name of the drawing that fits a category, if there is one."""
    return next((name for name, words in SHAPES if words.search(category)), None)


class Palette:
    """Colours, sizes and places that depend on a text alone."""

    def __init__(self, text: str) -> None:
        self._bytes = hashlib.sha256(text.encode()).digest()
        hue = self.draw(0)
        self.main = _colour(hue, 0.55 + 0.35 * self.draw(1), 0.55 + 0.35 * self.draw(2))
        self.second = _colour(hue + 0.3 + 0.4 * self.draw(3), 0.6, 0.85)
        self.dark = _colour(hue, 0.7, 0.35)
        self.ground = _colour(self.draw(4), 0.06, 0.97)
        self.scale = 0.85 + 0.2 * self.draw(5)
        self.shift = (int(30 * (self.draw(6) - 0.5)), int(20 * (self.draw(7) - 0.5)))
        self.turn = 14 * (self.draw(8) - 0.5)

    def draw(self, place: int) -> float:
        """A number from 0 to 1."""
        return self._bytes[place] / 255

    def box(self, left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        """A box in hundredths of the picture, about its middle, in pixels of the drawing."""
        side = SIDE * _FINE

        def place(value: float, shift: int) -> float:
            return side / 2 + (value - 50) / 100 * side * self.scale + shift * _FINE

        x, y = self.shift
        return place(left, x), place(top, y), place(right, x), place(bottom, y)

    def points(self, *points: tuple[float, float]) -> list[tuple[float, float]]:
        """Points in hundredths, as `box` has them."""
        return [self.box(x, y, x, y)[:2] for x, y in points]


def picture_draw(shape: str, text: str) -> bytes:
    """A PNG of 320 x 320 pixels of a shape, in the colours and sizes of a text. KeyError for other shapes."""
    from PIL import Image, ImageDraw

    palette = Palette(text)
    side = SIDE * _FINE
    image = Image.new("RGB", (side, side), palette.ground)
    pen = ImageDraw.Draw(image)
    pen.ellipse(palette.box(18, 84, 82, 94), fill=_mixed(palette.ground, (0, 0, 0), 0.12))
    _DRAWINGS[shape](pen, palette)
    image = image.rotate(palette.turn, fillcolor=palette.ground, resample=Image.Resampling.BILINEAR)
    image = image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _label(pen: ImageDraw, palette: Palette, *box: float) -> None:
    """A label with a sign on it, one of three."""
    left, top, right, bottom = box
    pen.rectangle(palette.box(*box), fill=palette.second)
    middle, height, width = (top + bottom) / 2, bottom - top, right - left
    sign = int(3 * palette.draw(9)) % 3
    if sign == 0:
        pen.ellipse(palette.box(50 - height / 3, middle - height / 3, 50 + height / 3, middle + height / 3),
                    fill=palette.main)  # fmt: skip
    elif sign == 1:
        for row in range(3):
            y = top + height * (0.22 + 0.22 * row)
            stripe = left + width * 0.15, y, right - width * (0.15 + 0.15 * row), y + height * 0.1
            pen.rectangle(palette.box(*stripe), fill=palette.dark)
    else:
        up, down = top + height * 0.15, bottom - height * 0.15
        corners = palette.points((50, up), (50 + width * 0.3, down), (50 - width * 0.3, down))
        pen.polygon(corners, fill=palette.main)


def _bottle(pen: ImageDraw, palette: Palette) -> None:
    pen.rounded_rectangle(palette.box(36, 34, 64, 90), 40, fill=palette.main)
    pen.polygon(palette.points((38, 38), (62, 38), (56, 20), (44, 20)), fill=palette.main)
    pen.rectangle(palette.box(44, 12, 56, 22), fill=palette.main)
    pen.rectangle(palette.box(43, 8, 57, 14), fill=palette.dark)
    _label(pen, palette, 36, 50, 64, 72)


def _can(pen: ImageDraw, palette: Palette) -> None:
    steel = (190, 194, 200)
    pen.rectangle(palette.box(30, 26, 70, 84), fill=palette.main)
    pen.ellipse(palette.box(30, 78, 70, 90), fill=palette.main)
    pen.ellipse(palette.box(30, 19, 70, 33), fill=steel)
    pen.ellipse(palette.box(34, 21, 66, 31), fill=_mixed(steel, (255, 255, 255), 0.5))
    _label(pen, palette, 30, 42, 70, 72)


def _box(pen: ImageDraw, palette: Palette) -> None:
    pen.polygon(
        palette.points((28, 18), (64, 18), (74, 12), (38, 12)),
        fill=_mixed(palette.main, (255, 255, 255), 0.4),
    )
    pen.polygon(palette.points((64, 18), (74, 12), (74, 84), (64, 90)), fill=palette.dark)
    pen.rectangle(palette.box(28, 18, 64, 90), fill=palette.main)
    _label(pen, palette, 32, 30, 60, 58)


def _carton(pen: ImageDraw, palette: Palette) -> None:
    white = (244, 246, 248)
    pen.rectangle(palette.box(32, 32, 68, 90), fill=white, outline=palette.main, width=6)
    pen.polygon(palette.points((32, 32), (68, 32), (60, 16), (40, 16)), fill=palette.main)
    pen.rectangle(palette.box(40, 10, 60, 17), fill=white, outline=palette.main, width=6)
    pen.rectangle(palette.box(32, 66, 68, 90), fill=palette.main)
    pen.ellipse(palette.box(42, 40, 58, 56), fill=palette.second)


def _tub(pen: ImageDraw, palette: Palette) -> None:
    pen.polygon(palette.points((24, 40), (76, 40), (68, 88), (32, 88)), fill=palette.main)
    pen.rounded_rectangle(palette.box(21, 32, 79, 42), 14, fill=_mixed(palette.second, (255, 255, 255), 0.5))
    _label(pen, palette, 36, 52, 64, 76)


def _bread(pen: ImageDraw, palette: Palette) -> None:
    crust = _colour(0.07 + 0.04 * palette.draw(10), 0.65, 0.6 + 0.25 * palette.draw(11))
    crumb = _mixed(crust, (255, 245, 220), 0.55)
    pen.rounded_rectangle(palette.box(16, 42, 84, 86), 90, fill=crust)
    for place in range(3 + int(3 * palette.draw(12))):
        left = 24 + 11 * place
        pen.line(palette.points((left, 56), (left + 8, 46)), fill=crumb, width=14)
    pen.arc(palette.box(16, 42, 84, 86), 180, 360, fill=_mixed(crust, (0, 0, 0), 0.2), width=5)


def _cheese(pen: ImageDraw, palette: Palette) -> None:
    yellow = _colour(0.11 + 0.04 * palette.draw(10), 0.55 + 0.3 * palette.draw(11), 0.98)
    pen.polygon(palette.points((14, 62), (82, 40), (86, 62)), fill=_mixed(yellow, (255, 255, 255), 0.45))
    pen.polygon(palette.points((14, 62), (86, 62), (86, 84), (14, 84)), fill=yellow)
    hole = _mixed(yellow, (120, 80, 0), 0.3)
    for place in range(5):
        x, y, size = 22 + 13 * place, 66 + 10 * palette.draw(13 + place), 4 + 5 * palette.draw(18 + place)
        pen.ellipse(palette.box(x, y, x + size, y + size), fill=hole)


def _bag(pen: ImageDraw, palette: Palette) -> None:
    pen.polygon(palette.points((26, 16), (74, 16), (70, 50), (76, 90), (24, 90), (30, 50)), fill=palette.main)
    for y in (16, 84):
        pen.rectangle(palette.box(26, y, 74, y + 5), fill=palette.dark)
    _label(pen, palette, 34, 34, 66, 58)
    for place in range(4):
        x = 34 + 9 * place
        pen.ellipse(palette.box(x, 66, x + 7, 76), fill=palette.second)


def _roll(pen: ImageDraw, palette: Palette) -> None:
    paper = (250, 250, 248)
    shade = _mixed(paper, palette.main, 0.25)
    for left in (18, 52):
        pen.rectangle(palette.box(left, 38, left + 30, 82), fill=paper, outline=shade, width=5)
        pen.ellipse(palette.box(left, 30, left + 30, 46), fill=paper, outline=shade, width=5)
        pen.ellipse(palette.box(left + 10, 35, left + 20, 41), fill=palette.dark)
        pen.line(palette.points((left, 60), (left + 30, 60)), fill=shade, width=6)


def _jar(pen: ImageDraw, palette: Palette) -> None:
    glass = _mixed(palette.main, (255, 255, 255), 0.25)
    pen.rounded_rectangle(palette.box(28, 28, 72, 90), 60, fill=glass)
    pen.rounded_rectangle(palette.box(31, 16, 69, 29), 12, fill=palette.dark)
    _label(pen, palette, 30, 46, 70, 74)


def _meat(pen: ImageDraw, palette: Palette) -> None:
    red = _colour(
        0.98 + 0.04 * palette.draw(10), 0.55 + 0.25 * palette.draw(11), 0.7 + 0.2 * palette.draw(12)
    )
    pen.rounded_rectangle(palette.box(12, 30, 88, 88), 30, fill=(232, 234, 236))
    pen.ellipse(palette.box(20, 36, 80, 82), fill=red)
    fat = (250, 232, 224)
    pen.arc(palette.box(20, 36, 80, 82), 20, 190, fill=fat, width=16)
    for place in range(3):
        y = 48 + 9 * place
        pen.line(palette.points((34, y), (50 + 8 * palette.draw(13 + place), y + 5)), fill=fat, width=7)


def _fruit(pen: ImageDraw, palette: Palette) -> None:
    colour = _colour((0.98, 0.08, 0.3, 0.13)[int(4 * palette.draw(10)) % 4], 0.75, 0.85)
    places = ((22, 46), (46, 46), (34, 26)) if palette.draw(11) < 0.5 else ((30, 34),)
    size = 34 if len(places) > 1 else 48
    for x, y in places:
        pen.ellipse(palette.box(x, y, x + size, y + size), fill=colour)
        pen.ellipse(palette.box(x + size * 0.2, y + size * 0.18, x + size * 0.38, y + size * 0.36),
                    fill=_mixed(colour, (255, 255, 255), 0.5))  # fmt: skip
        pen.line(palette.points((x + size / 2, y + 3), (x + size / 2 + 3, y - 6)), fill=(90, 60, 30), width=8)
        pen.ellipse(palette.box(x + size / 2 + 2, y - 8, x + size / 2 + 14, y - 2), fill=(60, 140, 60))


def _eggs(pen: ImageDraw, palette: Palette) -> None:
    shell = (248, 240, 228) if palette.draw(10) < 0.5 else (214, 168, 126)
    for row in range(2):
        for place in range(4):
            x, y = 15 + 18 * place, 34 + 16 * row
            pen.ellipse(
                palette.box(x, y, x + 16, y + 24), fill=shell, outline=_mixed(shell, (0, 0, 0), 0.2), width=3
            )
    pen.rectangle(palette.box(12, 62, 88, 84), fill=_mixed(palette.main, (150, 150, 150), 0.5))


def _pizza(pen: ImageDraw, palette: Palette) -> None:
    pen.ellipse(palette.box(14, 18, 86, 90), fill=(206, 150, 84))
    pen.ellipse(palette.box(20, 24, 80, 84), fill=(246, 206, 104))
    for place in range(8):
        x, y = 28 + 40 * palette.draw(10 + place), 32 + 40 * palette.draw(18 + place)
        pen.ellipse(palette.box(x, y, x + 9, y + 9), fill=(196, 48, 40) if place % 3 else (70, 130, 60))


_DRAWINGS: dict[str, Draw] = {
    "bag": _bag,
    "bottle": _bottle,
    "box": _box,
    "bread": _bread,
    "can": _can,
    "carton": _carton,
    "cheese": _cheese,
    "eggs": _eggs,
    "fruit": _fruit,
    "jar": _jar,
    "meat": _meat,
    "pizza": _pizza,
    "roll": _roll,
    "tub": _tub,
}
