"""Words and phrases: found whole, however they are written."""

import pytest

from moderation.matching.text import normalized
from moderation.matching.words import Words


def find(phrase: str, text: str) -> bool:
    return bool(list(Words([(phrase, "x")]).find(normalized(text))))


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("scam", "This is a scam."),
        ("scam", "SCAM"),
        ("Scam", "a (scam)!"),
        ("scam", "ｓｃａｍ in full width"),
        ("scam", "s\u200bc\u200da\u00adm with what is not seen in it"),
        ("scam", "sc\x00am"),
        ("scam", "s\x1fc\x1cam"),
        ("scam", "s\u034fc\ufe0fa\u3164m"),
        ("scam", "s\u115fc\u2800a\U000e0101m"),
        ("scam", "s\uffa0c\u180ea\u17b4m"),
        ("lừa đảo", "lu\u200b\u031b\u200d\u0300a đa\u034f\u0309o"),
        ("❤️ me", "❤ me"),
        ("lừa đảo", "đừng LỪA   ĐẢO tôi"),
        ("lừa đảo", "lu\u031b\u0300a đa\u0309o, decomposed"),
        ("straße", "STRASSE 5"),
        ("c++", "I like C++ most"),
        ("💩", "well 💩💩"),
        ("赌博", "赌博"),
        ("pay outside", "Pay\noutside"),
        ("क्रिकेट", "क्रिकेट खेल"),
    ],
)
def test_what_reads_the_same_is_found(phrase: str, text: str) -> None:
    assert find(phrase, text)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("scam", "scampi"),
        ("ass", "class, glass, assessment"),
        ("lừa", "lửa"),
        ("pay outside", "pay me outside"),
        ("क", "कि"),
        ("scam", "s c a m"),
        ("scam", ""),
    ],
)
def test_a_part_of_a_word_is_not_the_word(phrase: str, text: str) -> None:
    assert not find(phrase, text)


def test_each_owner_is_told_of_its_own_phrases() -> None:
    words = Words([("red", "colours"), ("red herring", "fish"), ("blue", "colours")])
    assert sorted(words.find("a red herring")) == [("colours", "red"), ("fish", "red herring")]
