"""What counts as an image, and what is left of it: the pixels."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageChops, ImageCms

from conversations.images.painting import FORMATS, THUMBNAIL_SIDE, NotAnImage, clean_copy
from tests.conversations.api.pictures import (
    HTML,
    SVG,
    animation,
    encoded,
    opened,
    photo,
    picture,
    png_that_claims,
    polyglot,
)

MOST = 1_000_000


def difference(one: Image.Image, other: Image.Image) -> int:
    """How far two images are apart, in the channel and pixel where they are furthest: 0 to 255."""
    apart = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    return max(apart.getchannel(channel).getextrema()[1] for channel in "RGB")  # type: ignore[return-value]


@pytest.mark.parametrize("kind", FORMATS)
def test_an_image_stays_what_it_is(kind: str) -> None:
    copy, _ = clean_copy(encoded(picture(), kind, **({} if kind in ("GIF", "PNG") else {"quality": 95})), MOST)
    image = opened(copy.content)
    assert (image.format, image.size, copy.format, copy.width, copy.height) == (kind, (60, 40), kind, 60, 40)
    assert image.convert("RGB").getpixel((5, 5)) == pytest.approx((20, 20, 220), abs=8)
    assert image.convert("RGB").getpixel((55, 35)) == pytest.approx((220, 20, 20), abs=8)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_so_does_one_of_any_depth_and_with_transparency(mode: str) -> None:
    original = picture().convert("L").convert(mode) if mode in ("1", "L", "LA", "P") else picture().convert("RGBA")
    if mode == "I;16":
        original = Image.new("I;16", (60, 40), 200 * 256)
    if mode == "RGBA":
        original.putalpha(100)
    copy, _ = clean_copy(encoded(original, "PNG"), MOST)
    image = opened(copy.content)
    if mode == "I;16":
        assert image.getpixel((0, 0)) == 200
    else:
        assert difference(image, original) == 0
    if mode == "RGBA":
        assert image.getchannel("A").getextrema() == (100, 100)


def test_an_animation_of_many_tiny_frames_is_refused_before_any_is_painted() -> None:
    frames = [Image.new("L", (1, 1), number % 2 * 255) for number in range(501)]
    few, many = (encoded(frames[0], "GIF", save_all=True, append_images=frames[1:most]) for most in (500, 501))
    assert clean_copy(few, MOST)[0].width == 1
    with pytest.raises(NotAnImage, match="in 501 frames: at most 500 frames are taken"):
        clean_copy(many, MOST)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_upright_and_says_nothing_of_where_it_was_taken(orientation: int) -> None:
    content = photo(orientation)
    assert opened(content).getexif().get_ifd(34853), "the test's photo has no GPS"
    copy, thumbnail = clean_copy(content, MOST)
    image = opened(copy.content)
    assert not image.getexif()
    assert b"secret" not in copy.content + thumbnail.content
    assert b"Exif" not in copy.content + thumbnail.content
    assert (image.width > image.height) is (orientation < 5)
    assert (copy.width, copy.height) == image.size
    corners = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}
    across, down = corners[orientation]
    pixel = image.convert("RGB").getpixel((5 + across * (image.width - 10), 5 + down * (image.height - 10)))
    assert pixel == pytest.approx((20, 20, 220), abs=12)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_keeps_its_frames_and_their_times(kind: str) -> None:
    content = animation(kind)
    copy, thumbnail = clean_copy(content, MOST)
    before, after = Image.open(io.BytesIO(content)), Image.open(io.BytesIO(copy.content))
    assert (getattr(after, "n_frames", 1), after.info["loop"]) == (3, 0)
    for number, milliseconds in enumerate((100, 200, 300)):
        before.seek(number)
        after.seek(number)
        assert difference(before, after) <= (0 if kind != "WEBP" else 60)
        assert after.info["duration"] == milliseconds
    assert getattr(opened(thumbnail.content), "n_frames", 1) == 1


def test_a_transparent_animation_shows_no_trace_of_the_frame_before() -> None:
    frames = [Image.new("RGBA", (60, 40)) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame.paste((200, 30, 30, 255), (number * 20, 0, number * 20 + 20, 40))
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100, disposal=2)
    copy, _ = clean_copy(content, MOST)
    image = Image.open(io.BytesIO(copy.content))
    image.seek(2)
    alpha = image.convert("RGBA").getchannel("A")
    assert (alpha.getpixel((5, 5)), alpha.getpixel((30, 5)), alpha.getpixel((55, 5))) == (0, 0, 255)


def test_colours_are_the_same_without_their_profile() -> None:
    """Linear values that a profile explains become sRGB's."""
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    assert (
        opened(clean_copy(encoded(picture(), "JPEG", icc_profile=linear.tobytes()), MOST)[0].content).info.get(
            "icc_profile"
        )
        is None
    ), "a profile that does not fit is dropped"
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    copy, _ = clean_copy(encoded(picture(), "PNG", icc_profile=srgb), MOST)
    assert difference(opened(copy.content), picture()) <= 2
    assert "icc_profile" not in opened(copy.content).info


@pytest.mark.parametrize(("size", "small"), [((900, 600), (320, 213)), ((50, 640), (25, 320)), ((60, 40), (60, 40))])
def test_a_thumbnail_is_the_same_picture_and_never_larger(size: tuple[int, int], small: tuple[int, int]) -> None:
    _, thumbnail = clean_copy(encoded(picture(*size), "PNG"), MOST)
    image = opened(thumbnail.content)
    assert image.size == small
    assert max(image.size) <= THUMBNAIL_SIDE
    assert image.format == thumbnail.format == "JPEG"


def test_the_thumbnail_of_a_transparent_image_is_transparent() -> None:
    _, thumbnail = clean_copy(encoded(Image.new("RGBA", (400, 400)), "PNG"), MOST)
    assert opened(thumbnail.content).getchannel("A").getextrema() == (0, 0)


def test_what_was_hidden_in_an_image_is_gone() -> None:
    copy, thumbnail = clean_copy(polyglot(), MOST)
    assert opened(copy.content).format == "GIF"
    assert b"script" not in copy.content + thumbnail.content


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"", "no image", id="nothing"),
        pytest.param(HTML, "no image", id="a page"),
        pytest.param(SVG, "no image", id="an SVG"),
        pytest.param(HTML + photo(), "no image", id="a page that a photo follows"),
        pytest.param(encoded(picture(), "BMP"), "no image", id="a BMP"),
        pytest.param(encoded(picture(), "TIFF"), "no image", id="a TIFF"),
        pytest.param(b"%PDF-1.7\n" + photo(), "no image", id="a PDF that a photo follows"),
        pytest.param(photo()[:-200], "broken", id="half of a JPEG"),
        pytest.param(encoded(picture(), "PNG")[:-40], "broken", id="half of a PNG"),
        pytest.param(encoded(picture(), "WEBP")[:40], "broken|no image", id="half of a WebP"),
    ],
)
def test_what_is_none_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(NotAnImage, match=why):
        clean_copy(content, MOST)


@pytest.mark.parametrize("side", [1001, 20_000, 65_000])
def test_an_image_of_too_many_pixels_is_refused_before_it_is_painted(side: int) -> None:
    with pytest.raises(NotAnImage, match="pixels"):
        clean_copy(png_that_claims(side, 1000 if side == 1001 else side), MOST)


def test_a_jpeg_may_have_four_times_as_many_and_is_read_at_half_its_size() -> None:
    """Cameras make such; nobody needs them whole."""
    large, larger = (encoded(picture(width, 1000), "JPEG") for width in (4000, 4002))
    copy, _ = clean_copy(large, MOST)
    assert (copy.width, copy.height) == (2000, 500)
    assert opened(copy.content).convert("RGB").getpixel((5, 5)) == pytest.approx((20, 20, 220), abs=8)
    with pytest.raises(NotAnImage, match="4002 x 1000 pixels: at most 4000000"):
        clean_copy(larger, MOST)
    with pytest.raises(NotAnImage, match="pixels: at most 1000000"):
        clean_copy(encoded(picture(1001, 1000), "WEBP"), MOST)


def test_the_frames_of_an_animation_count_together() -> None:
    with pytest.raises(NotAnImage, match="60 x 40 pixels in 3 frames: at most 7199"):
        clean_copy(animation("GIF"), 60 * 40 * 3 - 1)
    clean_copy(animation("GIF"), 60 * 40 * 3)


@pytest.mark.parametrize("size", [(3000, 1), (1, 3000), (2000, 3), (641, 1)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_thin_image_has_a_thumbnail_of_a_pixel_at_least(size: tuple[int, int], mode: str) -> None:
    copy, thumbnail = clean_copy(encoded(Image.new(mode, size), "PNG"), MOST)
    assert (copy.width, copy.height) == size
    assert max(thumbnail.width, thumbnail.height) == 320
    assert min(thumbnail.width, thumbnail.height) == 1
