"""Words and phrases: found whole, however they are written."""

import pytest

from moderation.matching.text import normalized
from moderation.matching.words import Words


def find(phrase: str, text: str, *, also_without_marks: bool = True) -> bool:
    return bool(list(Words([(phrase, "x", also_without_marks)]).find(normalized(text))))


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
        ("lừa đảo", "đồ lừa-đảo"),
        ("lừa đảo", "lừa_đảo"),
        ("lừa đảo", "lừa.đảo"),
        ("lừa đảo", "lừa * đảo".replace(" ", "")),
        ("scam", "_scam_"),
        ("scam", "a __SCAM__!"),
        ("scam", "s\u0336c\u0336a\u0336m\u0336"),
        ("lừa đảo", "l\u0336ừ\u0336a\u0336 đ\u0336ả\u0336o\u0336"),
        ("scam", "s\u0489c\u20dda\u0332m"),
        ("scam", "ѕсаm in Cyrillic"),
        ("scam", "SСАМ with capitals in Cyrillic"),
        ("scam", "ꜱcαm"),
        ("idiot", "ΙDΙΟΤ in Greek"),
        ("zalo", "ᴢаlо"),
        ("lừa đảo", "lừа đảо"),
        ("c++", "C++, please"),
        ("đ.m", "đ m"),
        ("e-mail", "E mail"),
        ("💩", "so💩so"),
        ("скам", "СКАМ"),
    ],
)
def test_what_a_reader_sees_as_the_phrase_is_found(phrase: str, text: str) -> None:
    assert find(phrase, text)
    assert find(phrase, text, also_without_marks=False)


@pytest.mark.parametrize("text", ["lua dao", "LUA DAO", "lừa dao", "lưa đao", "lùa-dao", "ĐỒ LUA_ĐAO", "lüa dao"])
def test_a_phrase_is_found_without_its_marks_unless_the_filter_says_otherwise(text: str) -> None:
    assert find("lừa đảo", text)
    assert not find("lừa đảo", text, also_without_marks=False)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [("lừa đảo", "lửa đào"), ("ngu", "ngủ ngon"), ("ban", "bạn ơi"), ("dao", "đạo"), ("lừa đảo", "lừa, đảo")],
)
def test_other_marks_make_another_word(phrase: str, text: str) -> None:
    assert not find(phrase, text)


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
    words = Words([("red", "colours", True), ("red herring", "fish", True), ("blue", "colours", True)])
    assert sorted(words.find("a red herring")) == [("colours", "red"), ("fish", "red herring")]
