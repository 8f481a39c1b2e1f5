"""Regular expressions: what is refused when they are saved, and that no text and no expression takes long."""

import time

import pytest

from moderation.matching.expressions import Expressions, UnsafeExpression, compiled


def found(expression: str, text: str) -> list[str]:
    return [what for _, what in Expressions([(expression, "x")]).find(text)]


def test_an_expression_is_found_in_any_case_and_what_matched_is_told() -> None:
    assert found(r"zalo\W*\d{3,}", "my ZALO: 0901 234") == ["ZALO: 0901"]
    assert found(r"^only$", "only") == ["only"]
    assert found(r"^only$", "not only") == []


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("(", "missing"),
        ("[", "missing"),
        (r"(a)\1", "escape"),
        (r"(?=a)a", "perl"),
        ("a**", "repetition"),
        ("(?:(?:a{1,100}){1,100}){1,100}", "repetition|size|large|mem"),
        (r"(?:\pL{900}\pN{900}){1}", "large|size|mem|compile"),
        ("a*", "every message"),
        ("x|", "every message"),
        ("a" * 1001, "1001 characters"),
    ],
)
def test_what_cannot_be_matched_safely_is_refused_with_the_reason(expression: str, why: str) -> None:
    with pytest.raises(UnsafeExpression, match=f"(?i){why}"):
        compiled(expression)


def test_what_makes_others_take_for_ever_takes_time_in_proportion_to_the_text() -> None:
    """`(a+)+$` on `aaa…!` takes Python's `re` twice the time for each letter more."""
    expressions = Expressions([("(a+)+$", "x"), ("(a|aa)+$", "x"), ("(.*a){20}b", "x")])

    def seconds(length: int) -> float:
        text = "a" * length + "!"
        started = time.perf_counter()
        for _ in range(20):
            list(expressions.find(text))
        return time.perf_counter() - started

    seconds(100)
    assert seconds(10_000) < 100 * max(seconds(1_000), 1e-4)


def test_one_that_slipped_in_is_left_out_and_the_others_work(caplog: pytest.LogCaptureFixture) -> None:
    expressions = Expressions([("(", "broken"), ("good", "fine"), ("(?P<n>a)b", "one"), ("(?P<n>c)d", "other")])
    assert list(expressions.find("all good")) == [("fine", "good")]
    assert list(expressions.find("ab cd")) == [("one", "ab"), ("other", "cd")]
    assert "broken" in caplog.text


def test_many_expressions_find_what_each_alone_finds() -> None:
    many = Expressions([(rf"word{number}\b", number) for number in range(300)])
    assert list(many.find("word17 and word299")) == [(17, "word17"), (299, "word299")]
    assert list(many.find("words")) == []


def test_marks_written_after_their_letters_are_as_good_as_with_them() -> None:
    """As macOS writes them where a file's name is copied."""
    assert found("chuye\u0302\u0309n\\s+khoa\u0309n", "xin chuyển khoản") == ["chuyển khoản"]
    many = Expressions([("chuye\u0302\u0309n", 1), ("other", 2)])
    assert [owner for owner, _ in many.find("chuyển")] == [1]
