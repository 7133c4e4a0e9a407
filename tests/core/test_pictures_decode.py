from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catalog.core.pictures import (
    KEPT_SIDE,
    MOST_BYTES,
    Fault,
    PictureError,
    picture_decode,
    picture_encode,
)


def photo(width: int = 40, height: int = 30) -> Image.Image:
    """Red at the left, blue at the right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = 220
    pixels[:, width // 2 :, 2] = 220
    return Image.fromarray(pixels)


def saved(image: Image.Image, kind: str, **values: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **values)
    return out.getvalue()


def fault(data: bytes) -> Fault:
    with pytest.raises(PictureError) as caught:
        picture_decode(data)
    return caught.value.fault


def png_header(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_it_decodes_the_four_kinds_by_their_bytes(kind: str) -> None:
    picture = picture_decode(saved(photo(), kind))
    assert picture.media_type == f"image/{kind.lower()}"
    assert picture.pixels.shape == (30, 40, 3)
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels[15, 5, 0] > 150 > picture.pixels[15, 5, 2]


def test_it_refuses_a_png_of_50000_by_50000_from_its_header() -> None:
    assert fault(png_header(50_000, 50_000)) == Fault.TOO_MANY_PIXELS
    # Under Pillow's own bound, above ours.
    assert fault(png_header(8_000, 7_000)) == Fault.TOO_MANY_PIXELS
    assert fault(png_header(40_000, 2)) == Fault.TOO_MANY_PIXELS


def test_it_refuses_a_huge_webp_before_its_decoder_makes_room() -> None:
    body = b"\0\0\0\0" + (16_382).to_bytes(3, "little") + (16_382).to_bytes(3, "little")
    extended = b"VP8X" + struct.pack("<I", len(body)) + body
    data = b"RIFF" + struct.pack("<I", 4 + len(extended)) + b"WEBP" + extended
    assert fault(data) == Fault.TOO_MANY_PIXELS
    assert fault(data[:20]) == Fault.DAMAGED


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?><svg/>",
        b"<!DOCTYPE html><script>alert(1)</script>",
        b"PK\x03\x04rest",
        b"BM" + b"\0" * 60,
        b"%PDF-1.7",
        b"GIF88a" + b"\0" * 40,
    ],
)
def test_it_refuses_what_is_no_photo_whatever_its_name(data: bytes) -> None:
    assert fault(data) == Fault.NOT_A_PICTURE


def test_it_keeps_the_pixels_of_a_polyglot_and_nothing_else() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("evil.html", "<script>alert(1)</script>")
    for kind in ("JPEG", "PNG", "GIF"):
        data = saved(photo(), kind) + b"<script>alert(1)</script>" + archive.getvalue()
        kept = picture_encode(picture_decode(data).pixels)
        assert b"script" not in kept
        assert b"PK" not in kept
        assert kept[:4] == b"RIFF"


def test_it_refuses_an_empty_a_too_large_and_a_truncated_file() -> None:
    assert fault(b"") == Fault.EMPTY
    assert fault(b"\xff\xd8\xff" + b"\0" * MOST_BYTES) == Fault.TOO_MANY_BYTES
    for kind in ("JPEG", "PNG", "WEBP", "GIF"):
        noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
        data = saved(noise, kind)
        assert fault(data[: len(data) // 2]) == Fault.DAMAGED
        assert fault(data[:14]) == Fault.DAMAGED


def test_it_refuses_a_jpeg_of_very_many_scans() -> None:
    assert fault(saved(photo(), "JPEG")[:-2] + b"\xff\xda" * 101) == Fault.DAMAGED


def test_it_turns_a_photo_upright_and_drops_its_exif() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    exif[0x010E] = "taken at home"
    data = saved(photo(), "JPEG", exif=exif)
    picture = picture_decode(data)
    assert picture.pixels.shape == (40, 30, 3)
    assert picture.pixels[5, 15, 0] > 150 > picture.pixels[5, 15, 2]
    kept = picture_encode(picture.pixels)
    assert b"taken at home" in data
    assert b"taken at home" not in kept
    assert not Image.open(io.BytesIO(kept)).getexif()


def test_it_takes_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "blue", "green")]
    for kind in ("GIF", "WEBP"):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        first = picture_decode(data).pixels[10, 10].astype(int)
        assert first[0] > 200 > first[2] + 100


def test_it_shows_what_is_transparent_as_white() -> None:
    clear = Image.new("RGBA", (10, 10), (255, 0, 0, 0))
    assert (picture_decode(saved(clear, "PNG")).pixels == 255).all()
    palette = Image.new("P", (10, 10), 0)
    palette.putpalette([255, 0, 0] * 256)
    assert (picture_decode(saved(palette, "PNG", transparency=0)).pixels == 255).all()
    grey = Image.new("LA", (10, 10), (0, 0))
    assert (picture_decode(saved(grey, "PNG")).pixels == 255).all()


def test_it_decodes_cmyk_16_bits_palette_and_one_bit() -> None:
    assert picture_decode(saved(photo().convert("CMYK"), "JPEG")).pixels.shape == (30, 40, 3)
    deep = Image.fromarray(np.full((8, 8), 65_535 // 2, np.uint16))
    assert abs(int(picture_decode(saved(deep, "PNG")).pixels[0, 0, 0]) - 127) <= 1
    assert picture_decode(saved(photo().convert("P"), "PNG")).pixels[15, 5, 0] > 150
    assert (picture_decode(saved(Image.new("1", (8, 8), 1), "PNG")).pixels == 255).all()


@given(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF"]), st.data())
def test_it_answers_damaged_bytes_with_pixels_or_its_own_error(kind: str, data: st.DataObject) -> None:
    content = bytearray(saved(photo(), kind))
    for _change in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = picture_decode(bytes(content)).pixels
    except PictureError:
        return
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3


def test_it_shrinks_to_the_longest_side_and_never_enlarges() -> None:
    wide = np.zeros((100, 400, 3), np.uint8)
    assert Image.open(io.BytesIO(picture_encode(wide, side=64))).size == (64, 16)
    assert Image.open(io.BytesIO(picture_encode(wide, side=1000))).size == (400, 100)
    line = np.zeros((1, 3000, 3), np.uint8)
    assert Image.open(io.BytesIO(picture_encode(line, side=64))).size == (64, 1)


def test_a_large_picture_is_shrunk_before_it_is_copied() -> None:
    import tracemalloc

    for mode, colour in (("RGBA", (200, 10, 10, 128)), ("RGB", (200, 10, 10)), ("P", 1), ("I;16", 40_000)):
        out = io.BytesIO()
        Image.new(mode, (4_000, 3_000), colour).save(out, "PNG")
        tracemalloc.start()
        pixels = picture_decode(out.getvalue()).pixels
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert max(pixels.shape) <= KEPT_SIDE
        assert abs(pixels.shape[1] / pixels.shape[0] - 4 / 3) < 0.01
        assert peak < 60_000_000, mode
