import json
import os
import random
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remote.agent.frames import (
    HEAD_BYTES,
    MAGIC,
    MAX_BYTES,
    Frame,
    FrameError,
    FrameReader,
    encode,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(
    st.lists(
        st.tuples(st.dictionaries(st.text(), json_values), st.binary(max_size=3000)),
        max_size=5,
    ),
    st.integers(1, 200),
    st.binary(max_size=60).filter(lambda noise: MAGIC[:1] not in noise),
)
@settings(max_examples=80, deadline=None)
def test_frames_survive_any_cutting_and_noise_between_them(messages, step, noise):
    stream = b"".join(noise + encode(message, blob) for message, blob in messages)
    reader = FrameReader()
    found = []
    for start in range(0, len(stream), step):
        found += reader.feed(stream[start : start + step])
    assert found == [Frame(message, blob) for message, blob in messages]


def test_magic_word_in_noise_is_stepped_over():
    frame = encode({"a": 1})
    noise = MAGIC + b"\x00" * 40 + MAGIC + MAGIC[:2] + b"Welcome to the cluster\n"
    assert FrameReader().feed(noise + frame) == [Frame({"a": 1}, b"")]


def test_noise_that_claims_a_gigantic_length_does_not_swallow_what_follows():
    head = struct.pack(">4sBIII", MAGIC, 0, MAX_BYTES, MAX_BYTES, 0)
    head += struct.pack(">I", zlib.crc32(head))
    assert FrameReader().feed(head + encode({"b": 2})) == [Frame({"b": 2}, b"")]


def test_a_damaged_message_is_an_error_not_a_wrong_answer():
    frame = bytearray(encode({"text": "x" * 100}, b"y" * 100))
    frame[HEAD_BYTES + 30] ^= 1
    with pytest.raises(FrameError, match="damaged"):
        FrameReader().feed(bytes(frame))


def test_packed_bomb_is_refused_within_the_memory_limit():
    bomb = zlib.compress(b" " * (MAX_BYTES + 1000), 9)
    head = struct.pack(">4sBIII", MAGIC, 1, len(bomb), 0, zlib.crc32(bomb))
    head += struct.pack(">I", zlib.crc32(head))
    with pytest.raises(FrameError, match="too large"):
        FrameReader().feed(head + bomb)


@pytest.mark.parametrize("text", [b"[1]", b"{", b"nope", b"[" * 5000, b'"\\ud800"'])
def test_a_message_that_is_no_object_is_an_error(text):
    head = struct.pack(">4sBIII", MAGIC, 0, len(text), 0, zlib.crc32(text))
    head += struct.pack(">I", zlib.crc32(head))
    with pytest.raises(FrameError):
        FrameReader().feed(head + text)


def test_random_bytes_never_hang_crash_or_grow():
    rng = random.Random(1)
    for _ in range(300):
        reader = FrameReader()
        data = bytearray(rng.randbytes(rng.randrange(400)))
        for _ in range(rng.randrange(4)):
            at = rng.randrange(len(data) + 1)
            data[at:at] = MAGIC + rng.randbytes(rng.randrange(40))
        try:
            reader.feed(bytes(data))
        except FrameError:
            continue
        assert len(reader._data) <= len(data)
    assert len(reader.noise) <= 8192


def test_names_that_are_no_unicode_come_back_as_they_were():
    name = os.fsdecode(b"mic\xff\xfe.mrc")
    (frame,) = FrameReader().feed(encode({"name": name}))
    assert os.fsencode(frame.message["name"]) == b"mic\xff\xfe.mrc"


def test_big_answers_travel_packed():
    message = {"rows": [{"name": f"MotionCorr/job002/mic{i}.mrc"} for i in range(5000)]}
    assert len(encode(message)) < len(json.dumps(message)) / 5
