"""The process that paints an image: what it makes, and what it may take of memory and time."""

from __future__ import annotations

import pytest
from PIL import Image

from conversations.images.painter_process import paint
from conversations.images.painting import NotAnImage, clean_copy
from tests.conversations.api.pictures import HTML, animation, encoded, photo

MOST = 16_000_000


@pytest.fixture(scope="module")
def large() -> bytes:
    """A WebP of a few kilobytes and as many pixels as are taken."""
    return encoded(Image.new("RGB", (4000, 4000), (200, 30, 30)), "WEBP", quality=50, method=0)


@pytest.mark.parametrize("content", [photo(6), animation("GIF")], ids=["photo", "animation"])
def test_it_makes_what_the_rules_for_images_say(content: bytes) -> None:
    assert paint(content, MOST) == clean_copy(content, MOST)


def test_it_says_why_there_is_no_image() -> None:
    with pytest.raises(NotAnImage, match="no image of a kind that is taken"):
        paint(HTML, MOST)
    with pytest.raises(NotAnImage, match="at most 2399 pixels"):
        paint(animation("GIF"), 2399)


def test_the_largest_image_is_painted_within_its_bounds(large: bytes) -> None:
    assert len(large) < 50_000
    image, thumbnail = paint(large, MOST)
    assert (image.width, image.height, thumbnail.width) == (4000, 4000, 320)


def test_an_image_that_takes_more_memory_is_refused_and_harms_nobody(large: bytes) -> None:
    with pytest.raises(NotAnImage, match=r"memory|broken"):
        paint(large, MOST, memory=250_000_000)


def test_so_is_one_that_takes_longer(large: bytes) -> None:
    with pytest.raises(NotAnImage, match="takes too long"):
        paint(large, MOST, seconds=1)
