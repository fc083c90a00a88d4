"""Hands the columns of a batch (docs/formats/batch.md) to pyarrow without copying a buffer, and prints their cells.

usage: arrow_batch.py FILE

A line for each cell, column by column: `null`, a number, `true`, bytes in hex, floats as the hex of their bits, lists in brackets.
Exits with an error where pyarrow finds a column malformed, or has copied one of its buffers.
"""

import struct
import sys

import pyarrow as pa

SCALARS = {
    1: pa.bool_(), 2: pa.int32(), 3: pa.int64(), 4: pa.float32(), 5: pa.float64(), 6: pa.string(), 7: pa.binary(),
    8: pa.timestamp("us", tz="UTC"),
}
ARRAY, VECTOR = 16, 17


def columns(frame):
    """Yields an Arrow array for each column of the batch that the buffer `frame` holds."""
    magic, version, count, rows = struct.unpack_from("<4sHHI", frame)
    assert (magic, version) == (b"HWB1", 1), "no batch"
    for number in range(count):
        entry = struct.unpack_from("<IBBHII10I", frame, 64 + 64 * number)
        _, code, element, _, length, nulls = entry[:6]
        places = list(zip(entry[6::2], entry[7::2]))
        validity, offsets, element_validity, element_offsets, data = [
            frame.slice(place, size) if size else None for place, size in places
        ]
        data = data or frame.slice(0, 0)

        def scalar(code, count, nulls, validity, offsets):
            has_offsets = code in (6, 7)
            buffers = [validity, offsets, data] if has_offsets else [validity, data]
            return pa.Array.from_buffers(SCALARS[code], count, buffers, nulls)

        if code == ARRAY:
            elements = struct.unpack_from("<i", offsets, 4 * rows)[0]
            child = scalar(element, elements, -1 if element_validity else 0, element_validity, element_offsets)
            yield pa.Array.from_buffers(pa.list_(SCALARS[element]), rows, [validity, offsets], nulls, children=[child])
        elif code == VECTOR:
            child = scalar(4, rows * length, 0, None, None)
            yield pa.Array.from_buffers(pa.list_(pa.float32(), length), rows, [validity], nulls, children=[child])
        else:
            yield scalar(code, rows, nulls, validity, offsets)


def text(cell, type):
    """A cell as a line tells it."""
    if cell is None or not cell.is_valid:
        return "null"
    if pa.types.is_list(type) or pa.types.is_fixed_size_list(type):
        return "[" + ",".join(text(item, type.value_type) for item in cell.values) + "]"
    if pa.types.is_floating(type):
        return struct.pack(">f" if type == pa.float32() else ">d", cell.as_py()).hex()
    if pa.types.is_string(type) or pa.types.is_binary(type):
        return bytes(cell.as_buffer()).hex() if cell.as_buffer() is not None else ""
    if pa.types.is_timestamp(type):
        return str(cell.value)
    return str(cell.as_py()).lower()


def main():
    with open(sys.argv[1], "rb") as file:
        frame = pa.py_buffer(file.read())
    for array in columns(frame):
        array.validate(full=True)
        for buffer in array.buffers():
            if buffer is not None and buffer.size:
                assert frame.address <= buffer.address <= frame.address + frame.size - buffer.size, "a buffer was copied"
        for cell in array:
            print(text(cell, array.type))


main()
