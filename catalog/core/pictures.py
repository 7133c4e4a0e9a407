"""Pictures from strangers: recognised by their bytes, measured before they are decoded, kept as pixels.

What comes out is an array of RGB pixels, upright and with white where the file was transparent. Nothing else
of the file survives: no EXIF, no comments, no colour profile, no bytes after the picture.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 20 * 1024 * 1024
MOST_PIXELS = 25_000_000
MOST_SIDE = 30_000
# Shrunk to this as soon as it is decoded: nothing larger is ever looked at or kept.
KEPT_SIDE = 1_600
_MOST_SCANS = 100  # a progressive JPEG is decoded once per scan; real ones have about ten


class Fault(StrEnum):
    """Why a picture is refused."""

    EMPTY = "the file is empty"
    TOO_MANY_BYTES = "the file is larger than 20 MB"
    NOT_A_PICTURE = "the file is not a JPEG, PNG, WebP or GIF picture"
    TOO_MANY_PIXELS = "the picture has more than 25 million pixels, or a side of more than 30,000"
    DAMAGED = "the picture is damaged"


class PictureError(ValueError):
    """A picture that is not taken; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels (height, width, 3), uint8 RGB, and the type that the file had."""

    pixels: NDArray[np.uint8]
    media_type: str


def picture_decode(data: bytes) -> Picture:
    """The pixels of a JPEG, PNG, WebP or GIF (its first frame). Raises PictureError."""
    from PIL import Image, ImageFile

    if not data:
        raise PictureError(Fault.EMPTY)
    if len(data) > MOST_BYTES:
        raise PictureError(Fault.TOO_MANY_BYTES)
    kind = _kind(data)
    try:
        if kind == "WEBP":
            # Its decoder makes room for all pixels as soon as it is opened.
            _check_size(*_webp_size(data))
        if kind == "JPEG":
            _check_scans(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sizes and damaged EXIF: both are looked at here
            with Image.open(io.BytesIO(data), formats=[kind]) as image:
                _check_size(*image.size)
                if isinstance(image, ImageFile.ImageFile):
                    # A JPEG can be decoded at a half, a quarter, an eighth of its size.
                    image.draft(None, (KEPT_SIDE, KEPT_SIDE))
                    image.load()
                pixels = _pixels(_upright(_shrunk(image)))
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureError(Fault.TOO_MANY_PIXELS) from error
    except Exception as error:  # decoders raise anything on hostile bytes
        raise PictureError(Fault.DAMAGED) from error
    return Picture(pixels, f"image/{kind.lower()}")


def picture_encode(pixels: NDArray[np.uint8], *, side: int | None = None, quality: int = 88) -> bytes:
    """Pixels as a WebP file, shrunk so that its longest side is at most `side` pixels."""
    from PIL import Image

    image = Image.fromarray(pixels)
    # WebP's own bound is 16,383.
    bound = min(side or 16_383, 16_383)
    if max(image.size) > bound:
        image.thumbnail((bound, bound), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "WEBP", quality=quality, method=4)
    return out.getvalue()


def _kind(data: bytes) -> str:
    """By the first bytes: a name or a stated type can say anything."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    raise PictureError(Fault.NOT_A_PICTURE)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height from a WebP's first chunk (RFC 9649, sections 2.5 to 2.7)."""
    chunk, body = data[12:16], data[20:30]
    if len(body) < 10:
        raise PictureError(Fault.DAMAGED)
    if chunk == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF
    raise PictureError(Fault.DAMAGED)


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise PictureError(Fault.DAMAGED)
    if width * height > MOST_PIXELS or max(width, height) > MOST_SIDE:
        raise PictureError(Fault.TOO_MANY_PIXELS)


def _check_scans(data: bytes) -> None:
    if data.count(b"\xff\xda") > _MOST_SCANS:
        raise PictureError(Fault.DAMAGED)


def _shrunk(image: Image) -> Image:
    """At most `KEPT_SIDE` pixels a side, before anything makes copies of it."""
    from PIL import Image as Images

    if max(image.size) <= KEPT_SIDE:
        return image
    if image.mode in {"1", "P", "PA"}:
        image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    if image.mode.startswith("I") or image.mode == "F":
        # Modes of 16 bits can't be averaged by every version: every n-th pixel will do.
        step = -(-max(image.size) // KEPT_SIDE)
        size = (max(image.width // step, 1), max(image.height // step, 1))
        return image.resize(size, Images.Resampling.NEAREST)
    exif = image.getexif()
    image.thumbnail((KEPT_SIDE, KEPT_SIDE), Images.Resampling.LANCZOS)
    if exif:
        image.info["exif"] = exif.tobytes()
    return image


def _upright(image: Image) -> Image:
    """Turned as its EXIF says; as it is where the EXIF can't be read."""
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # whatever a broken EXIF does, the pixels are good
        return image


def _pixels(image: Image) -> NDArray[np.uint8]:
    from PIL import Image as Images

    if image.mode.startswith("I") or image.mode == "F":
        # 16 bits of grey: the upper 8.
        grey = (np.asarray(image).clip(0, 65535).astype(np.uint16) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in {"LA", "PA", "RGBA", "La", "RGBa"} or "transparency" in image.info:
        layered = image.convert("RGBA")
        ground = Images.new("RGBA", layered.size, (255, 255, 255, 255))
        image = Images.alpha_composite(ground, layered)
    return np.array(image.convert("RGB"), dtype=np.uint8)
