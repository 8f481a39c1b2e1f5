"""What clients may send."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conversations.requests import CreateRoom, NewMessage, SeenMessages, Typing, VerifyUser

MESSAGE = {"room_id": "7.9", "from": "7", "to": "9", "type": "TEXT", "content": "hello"}
SEEN = {
    "room_id": "7.9",
    "from": "9",
    "to": "7",
    "last_message_id": "ck1",
    "last_message_created_at": "2020-10-11T00:13:35.390Z",
}


def message(**fields: Any) -> NewMessage:
    return msgspec.convert({**MESSAGE, **fields}, NewMessage)


def test_ids_sent_as_numbers_become_strings() -> None:
    got = message(**{"from": 7, "to": 9, "client_message_id": 5})
    assert (got.sender, got.recipient, got.client_message_id) == ("7", "9", "5")
    assert msgspec.to_builtins(msgspec.convert({"room_id": "7.9", "from": 7, "to": 9}, Typing)) == {
        "room_id": "7.9",
        "from": "7",
        "to": "9",
    }


@pytest.mark.parametrize("wrong", [None, True, "", "  ", [], {}, {"$ne": ""}, 1.5])
def test_an_id_that_is_none_is_refused_by_name(wrong: Any) -> None:
    with pytest.raises(msgspec.ValidationError, match="from"):
        message(**{"from": wrong})


@pytest.mark.parametrize("field", ["room_id", "from", "to", "type", "content"])
def test_a_missing_field_is_refused_by_name(field: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.convert({name: value for name, value in MESSAGE.items() if name != field}, NewMessage)


def test_client_message_id_may_be_absent_or_null() -> None:
    assert message().client_message_id is None
    assert message(client_message_id=None).client_message_id is None


def test_unknown_fields_are_passed_over() -> None:
    assert message(created_at="whenever", is_seen=1).content == "hello"


def test_only_known_types_of_message_are_taken() -> None:
    with pytest.raises(msgspec.ValidationError, match="type"):
        message(type="VIDEO")


def test_a_message_without_content_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="content"):
        message(content="")


@pytest.mark.parametrize("field", ["content", "from", "room_id", "client_message_id"])
def test_half_a_surrogate_pair_is_refused_before_it_can_spoil_a_batch(field: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=field):
        message(**{field: "half \ud83d of a smile"})


def test_seen_messages_leaves_with_the_names_and_values_that_came() -> None:
    assert msgspec.to_builtins(msgspec.convert(SEEN, SeenMessages)) == SEEN


def test_a_time_in_another_form_leaves_in_ours() -> None:
    for time in ("2020-10-11T07:13:35.39+07:00", 1_602_375_215_390):
        seen = msgspec.convert({**SEEN, "last_message_created_at": time}, SeenMessages)
        assert seen.last_message_created_at == "2020-10-11T00:13:35.390Z"


@pytest.mark.parametrize("time", ["yesterday", "", 10**30, None])
def test_what_is_no_time_is_refused_by_name(time: Any) -> None:
    with pytest.raises(msgspec.ValidationError, match="last_message_created_at"):
        msgspec.convert({**SEEN, "last_message_created_at": time}, SeenMessages)


def test_create_room_may_leave_out_what_is_known_anyway() -> None:
    request = msgspec.convert({"buyer": 7, "seller": 9}, CreateRoom)
    assert (request.type, request.room_id, request.creator, request.shop_id) == ("BS", "7.9", None, None)


def test_an_id_with_a_dot_cannot_be_in_a_new_room_since_two_pairs_would_share_its_name() -> None:
    with pytest.raises(msgspec.ValidationError, match="dot"):
        msgspec.convert({"buyer": "7.1", "seller": "9"}, CreateRoom)


def test_buyer_info_keeps_its_four_fields_and_a_phone_number_may_be_a_number() -> None:
    request = msgspec.convert(
        {"buyer": 7, "seller": 9, "buyer_info": {"name": "An", "phone_number": 84123, "email": None, "vip": 1}},
        CreateRoom,
    )
    assert request.buyer_info is not None
    assert request.buyer_info.known() == {"name": "An", "phone_number": "84123"}


@pytest.mark.parametrize("field", ["name", "avatar", "phone_number", "email"])
def test_buyer_info_is_not_so_long_that_a_list_of_rooms_would_not_fit_into_memory(field: str) -> None:
    request = {"buyer": 7, "seller": 9, "buyer_info": {field: "x" * 2048}}
    assert msgspec.convert(request, CreateRoom).buyer_info is not None
    with pytest.raises(msgspec.ValidationError, match=f"`{field}` has 2049 characters"):
        msgspec.convert({**request, "buyer_info": {field: "x" * 2049}}, CreateRoom)


@pytest.mark.parametrize(
    "avatar",
    ["javascript:alert(1)", " JavaScript:alert(1)", "java\nscript:alert(1)", "data:image/png;base64,AA", "file:///x"],
)
def test_an_avatar_is_no_script_and_no_file(avatar: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"`avatar` is .* it must be an http or https address"):
        msgspec.convert({"buyer": 7, "seller": 9, "buyer_info": {"avatar": avatar}}, CreateRoom)


@pytest.mark.parametrize(
    "avatar", ["https://cdn.example/a.png", "HTTP://cdn.example/a:b", "/a.png", "//cdn/a", "", "a.png"]
)
def test_any_other_avatar_is_taken(avatar: str) -> None:
    request = msgspec.convert({"buyer": 7, "seller": 9, "buyer_info": {"avatar": avatar}}, CreateRoom)
    assert request.buyer_info is not None and request.buyer_info.avatar == avatar


def test_verify_user_takes_a_number_too() -> None:
    assert msgspec.convert({"token": "t", "user_id": 7, "user_role": "BUYER"}, VerifyUser).user_id == "7"
