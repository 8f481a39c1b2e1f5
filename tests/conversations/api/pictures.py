"""Images as people send them, and as nobody should."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import ExifTags, Image, ImageDraw


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The image in a file of that kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(content: bytes) -> Image.Image:
    """The image in a file."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def picture(width: int = 60, height: int = 40) -> Image.Image:
    """Red, with a blue quarter at the top left."""
    image = Image.new("RGB", (width, height), (220, 20, 20))
    ImageDraw.Draw(image).rectangle([0, 0, width // 2 - 1, height // 2 - 1], fill=(20, 20, 220))
    return image


def photo(orientation: int = 1) -> bytes:
    """A JPEG with the place where it was taken, a note, and how the camera was held."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.ImageDescription] = "a secret note"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (21.0, 1.0, 42.0), 3: "E", 4: (105.0, 51.0, 12.0)})
    return encoded(picture(), "JPEG", quality=95, exif=exif, comment=b"a secret note")


def animation(kind: str) -> bytes:
    """Three frames, for 100, 200 and 300 ms, shown again and again."""
    frames = [picture().rotate(90 * number, expand=False) for number in range(3)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=[100, 200, 300], loop=0)


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes that would be so large when painted."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


HTML = b"<!doctype html><script>alert(document.domain)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'


def polyglot() -> bytes:
    """A GIF that is a script and a page as well: in its comment, and behind its end."""
    return encoded(picture().convert("P"), "GIF", comment=HTML) + HTML
