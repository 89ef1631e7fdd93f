"""Readers of foreign bytes: an answer or their own error, never anything else.

`make fuzz` goes on where this stops, led by what the code does with its input.
"""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import readers

TOLD = (
    b"0123456789.-+eE \t\r\n\"'#_;|,:=[]{}()<>\\/\0\x1b\xff"
    b"\xe2\x82\xac\xc2\xb2data_loop"
)


@pytest.mark.parametrize("name", sorted(readers.TARGETS))
@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=400) | st.text(max_size=200).map(lambda t: t.encode()))
def test_any_bytes_are_read_or_refused(name, data):
    readers.TARGETS[name](data)


@pytest.mark.parametrize("name", sorted(readers.TARGETS))
def test_damaged_files_are_read_or_refused(name):
    rng = random.Random(name)
    beginnings = readers.seeds(name)
    for beginning in beginnings:
        readers.TARGETS[name](beginning)
    until = time.process_time() + 0.3
    while time.process_time() < until:
        readers.TARGETS[name](damaged(rng, rng.choice(beginnings)))


def damaged(rng, data):
    """Bytes with a few of the things that happen to files."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(data))
        end = min(len(data), at + rng.randint(0, 40))
        kind = rng.randrange(6)
        if kind == 0:
            del data[at:]
        elif kind == 1:
            del data[at:end]
        elif kind == 2:
            data[at:at] = bytes(rng.choice(TOLD) for _ in range(rng.randint(1, 8)))
        elif kind == 3:
            data[at:end] = rng.randbytes(end - at)
        elif kind == 4:
            data[at:at] = data[at:end] * rng.randint(1, 50)
        else:
            data[at:end] = str(
                rng.choice([0, -1, 1e308, 2**63, "nan", "9" * 5000])
            ).encode()
    return bytes(data)
