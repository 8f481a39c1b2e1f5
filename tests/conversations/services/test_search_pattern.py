"""What finds what: capitals, marks, spaces; and that nothing which users write is a pattern."""

from __future__ import annotations

import re
import unicodedata

import pytest

from conversations.services.search_pattern import LONGEST, pattern_of


def finds(looked_for: str, text: str) -> bool:
    return re.search(pattern_of(looked_for), text, re.IGNORECASE) is not None


@pytest.mark.parametrize(
    ("looked_for", "text", "found"),
    [
        ("chào", "Xin chào!", True),
        ("CHÀO", "Xin chào!", True),
        ("chào", "XIN CHÀO!", True),
        ("chào", "Xin chao!", False),
        ("chào", "Xin cháo!", False),
        ("chao", "Xin chào!", True),
        ("chao", "Xin cháo!", True),
        ("chao", "XIN CHÀO!", True),
        ("don hang", "Đơn hàng của tôi", True),
        ("đơn", "Don't worry", False),
        ("đơn", "ĐƠN HÀNG", True),
        ("tieng viet", "tiếng Việt", True),
        ("tiêng", "tiếng Việt", False),
        ("viet", "Việt", True),
        ("việt", "Viet", False),
        ("hào", "Xin chào", True),
        ("xin  chào", "Xin\n chào", True),
        ("  chào ", "Xin chào", True),
        ("xin chào", "xin-chào", False),
        ("ελλάδα", "ΕΛΛΆΔΑ", True),
        ("istanbul", "İstanbul", True),
        ("İstanbul", "İstanbul", True),
        ("İstanbul", "İSTANBUL", True),
        ("İstanbul", "i\u0307stanbul", True),
        ("i\u0307stanbul", "İstanbul", True),
        ("diyarbakir", "Diyarbakır", True),
        ("uber", "Über uns", True),
        ("noel", "Noël", True),
        ("你好", "早上好,你好", True),
        ("😀", "well 😀", True),
    ],
)
def test_a_letter_without_marks_finds_any_one_with_marks_itself_alone(looked_for: str, text: str, found: bool) -> None:
    assert finds(looked_for, text) is found


@pytest.mark.parametrize("looked_for", ["tiếng", "ế", "Ệ", "ở đâu", "chào"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("text_form", ["NFC", "NFD"])
def test_it_does_not_matter_how_marks_are_encoded(looked_for: str, form: str, text_form: str) -> None:
    text = unicodedata.normalize(text_form, f"x {looked_for} y")  # type: ignore[arg-type]
    assert finds(unicodedata.normalize(form, looked_for), text)  # type: ignore[arg-type]


def test_half_composed_letters_are_found_too() -> None:
    """As Windows' old Vietnamese keyboards wrote them: the letter with its hat, and the tone apart."""
    assert finds("tiếng", "ti\u00ea\u0301ng")
    assert not finds("tiêng", "ti\u00ea\u0301ng")


@pytest.mark.parametrize(
    "text", [".*", "a+b", "(", "[a-z]", "\\", "^x$", "x|y", "{1,9}", "$where", "?", "(?i)", "#", "a.b"]
)
def test_nothing_is_a_pattern(text: str) -> None:
    assert finds(text, f"so {text} then")
    assert not finds(text, "anything else, abcxyz 123")


def test_a_pattern_has_a_greatest_length() -> None:
    sentence = "Đơn hàng của tôi đã được giao đến địa chỉ mới chưa ạ, shop kiểm tra giúp tôi với nhé, cảm ơn nhiều"
    assert finds(sentence, sentence)
    assert len(pattern_of(sentence)) <= LONGEST
    with pytest.raises(ValueError, match="too many letters with marks"):
        pattern_of("ộ" * 100)
