import pytest

from control.errors import BadInput
from control.messages import Message


def test_a_message_survives_the_queue() -> None:
    message = Message(kind="new_data", detail={"url": "https://a/b"}, source="event 1")
    assert Message.from_json(message.to_json()) == message


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "dance"}', '{"kind": ["new_data"]}'])
def test_a_foreign_message_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        Message.from_json(text)


def test_a_message_that_no_queue_takes_is_refused() -> None:
    with pytest.raises(BadInput, match="characters long"):
        Message(kind="alert", detail={"rule": "r" * 50_000}).to_json()
