"""Images that users send: what counts as one, and a clean copy of it.

What is kept is painted anew from the pixels alone. Nothing else of what came in survives: no EXIF with the place where
a photo was taken, no comments, nothing hidden behind the image's end. Copies are kept by `files`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from PIL import Image, ImageCms, ImageOps, ImageSequence, UnidentifiedImageError


class Format(NamedTuple):
    """A file format: its media type, and the end of a file's name."""

    content_type: str
    suffix: str


FORMATS: Final = {
    "JPEG": Format("image/jpeg", "jpg"),
    "PNG": Format("image/png", "png"),
    "GIF": Format("image/gif", "gif"),
    "WEBP": Format("image/webp", "webp"),
}
"""The formats that are taken, by Pillow's names."""

THUMBNAIL_SIDE = 320
"""Pixels that a thumbnail's longer side has at most."""

FRAME: Final = 2_000
"""Pixels that a frame of an animation counts for at least: ten megabytes hold 600,000 frames of one pixel, which take
minutes to paint and more memory than any image of so many pixels."""

SCALED: Final = 4
"""How many pixels of a JPEG can become one while it is read: a half of its width by a half of its height. Cameras make
images of 50 million pixels, which no screen shows. The decoders of other formats cannot do that."""

_QUALITY: Final[dict[str, dict[str, Any]]] = {"JPEG": {"quality": 90}, "WEBP": {"quality": 90}, "PNG": {}, "GIF": {}}


class NotAnImage(ValueError):
    """What came is none, is broken, or has too many pixels; the text says which."""


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image as a file holds it."""

    content: bytes
    format: str
    width: int
    height: int


def clean_copy(content: bytes, most_pixels: int) -> tuple[EncodedImage, EncodedImage]:
    """Paint an image and its thumbnail anew: upright, in sRGB, in its own format (thumbnails: JPEG or PNG).

    Animations stay animations.

    Args:
        content: The file as it came.
        most_pixels: The most pixels of all frames together, checked before any is painted. A JPEG may have SCALED times
            as many: it is then read at half its size.

    Raises:
        NotAnImage: It is no image of a kind that is taken, is broken, or has too many pixels.
    """
    try:
        with Image.open(io.BytesIO(content), formats=list(FORMATS)) as image:
            kind = "JPEG" if image.format == "MPO" else str(image.format)  # a phone's JPEG with a second one behind it
            count = getattr(image, "n_frames", 1) if kind != "JPEG" else 1
            _require_few(image, count, most_pixels * SCALED if kind == "JPEG" else most_pixels)
            if image.width * image.height > most_pixels:  # a JPEG
                image.draft(image.mode, (image.width // 2, image.height // 2))
            frames, durations = _painted(image, count)
            return _encoded(frames, kind, durations, image.info.get("loop")), _thumbnail(frames[0])
    except NotAnImage:
        raise
    except MemoryError:
        raise NotAnImage("the image takes more memory than there is for one: send it smaller") from None
    except Image.DecompressionBombError:
        raise NotAnImage(f"the image has far too many pixels: at most {most_pixels} pixels are taken") from None
    except UnidentifiedImageError:
        raise NotAnImage("the file is no image of a kind that is taken: JPEG, PNG, GIF or WebP") from None
    except Exception as error:  # what Pillow raises for malformed bytes is no closed list
        raise NotAnImage(f"the image is broken: {error}") from error


def _require_few(image: Image.Image, frames: int, most_pixels: int) -> None:
    size = f"{image.width} x {image.height} pixels" + (f" in {frames} frames" if frames > 1 else "")
    if image.width * image.height * frames > most_pixels:
        raise NotAnImage(f"the image has {size}: at most {most_pixels} pixels are taken")
    if frames > 1 and FRAME * frames > most_pixels:
        raise NotAnImage(f"the image has {size}: at most {most_pixels // FRAME} frames are taken")


def _painted(image: Image.Image, count: int) -> tuple[list[Image.Image], list[int]]:
    """The frames, and how long each is shown, in milliseconds."""
    frames, durations = [], []
    for frame in _frames(image, count):
        frame.load()
        durations.append(int(frame.info.get("duration") or 0))
        frames.append(_pixels_of(frame))
    return frames, durations


def _frames(image: Image.Image, count: int) -> Iterator[Image.Image]:
    return iter([image]) if count == 1 else ImageSequence.Iterator(image)


def _pixels_of(frame: Image.Image) -> Image.Image:
    """A frame upright, in gray, RGB or RGBA of the sRGB colours, and with nothing attached to it."""
    plain = _in_srgb(ImageOps.exif_transpose(frame), frame.info.get("icc_profile"))
    if plain.has_transparency_data:
        plain = plain.convert("RGBA")
    elif plain.mode.startswith("I;16"):
        plain = plain.point(lambda value: value / 256).convert("L")
    elif plain.mode not in ("L", "RGB"):
        plain = plain.convert("L" if plain.mode == "1" else "RGB")
    plain.info = {}
    return plain


def _in_srgb(frame: Image.Image, profile: bytes | None) -> Image.Image:
    """The frame in the colours that are meant where no profile says otherwise; phones have others."""
    if not profile or frame.mode not in ("RGB", "RGBA", "CMYK"):
        return frame
    try:
        meant, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        mode = "RGB" if frame.mode == "CMYK" else frame.mode
        return ImageCms.profileToProfile(frame, meant, srgb, outputMode=mode) or frame
    except (ImageCms.PyCMSError, OSError):  # a profile for something else, or none
        return frame


def _encoded(frames: list[Image.Image], kind: str, durations: list[int], loop: int | None) -> EncodedImage:
    first = frames[0]
    animation: dict[str, Any] = {}
    if len(frames) > 1:
        animation = {"save_all": True, "append_images": frames[1:], "duration": durations}
        if loop is not None:
            animation["loop"] = loop
        if kind == "GIF" and any(frame.mode == "RGBA" for frame in frames):
            animation["disposal"] = 2  # each frame is whole: what was transparent in it must not show the one before
    file = io.BytesIO()
    first.save(file, kind, **_QUALITY[kind], **animation)
    return EncodedImage(file.getvalue(), kind, first.width, first.height)


def _thumbnail(frame: Image.Image) -> EncodedImage:
    scale = THUMBNAIL_SIDE / max(frame.size)
    # a side of a thin image would come to nothing
    size = (max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
    small = frame.resize(size) if scale < 1 else frame
    return _encoded([small], "PNG" if small.mode == "RGBA" else "JPEG", [], None)
