"""The hash of texts: no collisions where none are due, every bit used, the same alone and among others."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drift.hashing import hash_texts


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=30))
def test_a_text_has_its_hash_whatever_stands_beside_it(texts: list[bytes]) -> None:
    together = hash_texts(texts).tolist()
    assert together == [int(hash_texts([text])[0]) for text in texts]
    assert len(set(together)) == len(set(texts))


def test_texts_that_are_much_alike_do_not_meet() -> None:
    texts = [
        *(str(number).encode() for number in range(100_000)),
        *(f"customer-{number:012}".encode() for number in range(100_000)),
        *(b"a" * length for length in range(300)),
        *(b"\0" * length for length in range(1, 300)),
        *(b"x" * 7 + bytes([one, two]) for one in range(0, 256, 3) for two in range(0, 256, 3)),
    ]
    hashes = hash_texts(texts)
    assert np.unique(hashes).size == len(set(texts))


def test_every_bit_is_a_fair_coin() -> None:
    hashes = hash_texts([f"id {number}".encode() for number in range(50_000)])
    for bit in range(64):
        share = np.mean((hashes >> np.uint64(bit)) & np.uint64(1))
        assert abs(share - 0.5) < 4 * 0.5 / 50_000**0.5
    buckets = np.bincount((hashes >> np.uint64(52)).astype(np.int64), minlength=4096)
    expected = hashes.size / 4096
    assert np.sum((buckets - expected) ** 2 / expected) < 4096 + 5 * (2 * 4096) ** 0.5
