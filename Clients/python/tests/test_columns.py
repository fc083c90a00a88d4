"""The codecs of columns, without a server: batches, and the packed columns of a get."""

from __future__ import annotations

import random
import struct

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

import headwater as hw
from headwater._columns import batch, bits, gathered, packed
from headwater._columns.packed import PackedColumns, Types
from headwater._columns.types import FeatureType

from . import support


def decode(buffer):
    """Rows, columns and length of a batch."""
    found = batch.Batch(buffer)
    return found.rows, [found.column(index) for index in range(len(found.types))], found.length


def encoded(columns: list[tuple[str, pa.Array]]) -> pa.Buffer:
    typed = [(number, FeatureType.parse(type), array) for number, (type, array) in enumerate(columns)]
    return pa.py_buffer(batch.encode(len(columns[0][1]), typed))


def edge_columns(rows: int = 13) -> list[tuple[str, pa.Array]]:
    table = support.edge_table(rows=rows)
    return [(type, table[name].combine_chunks()) for name, type in support.FEATURES.items()]


def test_what_a_batch_holds_comes_out_bit_for_bit():
    columns = edge_columns()
    rows, decoded, length = decode(encoded(columns))
    assert (rows, length % 64) == (13, 0)
    for (type, array), found in zip(columns, decoded, strict=True):
        assert found.type == array.type, type
        assert support.exact(found) == support.exact(array), type


@pytest.mark.parametrize("type", support.TYPES)
def test_a_slice_of_an_array_is_written_without_what_stands_around_it(type):
    whole = support.array(support.edges(type) * 5, type)
    for start in (1, 3, 7, 8, 9):
        for count in (0, 1, 8, len(whole) - start):
            part = whole.slice(start, count)
            _, (found,), _ = decode(encoded([(type, part)]))
            assert support.exact(found) == support.exact(part)
            # The same cells in an array of their own take as many bytes.
            own = whole.take(pa.array(range(start, start + len(part)), pa.int64()))
            assert encoded([(type, part)]).size == encoded([(type, own)]).size


@pytest.mark.parametrize("type", support.TYPES)
def test_what_stands_behind_a_null_is_not_told(type):
    filled = support.array([cell for cell in support.edges(type) if cell is not None] * 3, type)
    if pa.types.is_list(filled.type):
        hidden = pa.ListArray.from_arrays(filled.offsets, filled.values, mask=pa.array([True] * len(filled)))
    elif pa.types.is_fixed_size_list(filled.type):
        hidden = pa.FixedSizeListArray.from_arrays(filled.values, 3, mask=pa.array([True] * len(filled)))
    else:
        hidden = pa.Array.from_buffers(filled.type, len(filled), [pa.py_buffer(bytes(64)), *filled.buffers()[1:]])
    nulls = pa.nulls(len(filled), filled.type)
    assert encoded([(type, hidden)]).equals(encoded([(type, nulls)]))


@pytest.mark.parametrize("type", support.TYPES)
def test_no_rows_and_only_nulls_are_batches_too(type):
    for array in (support.array([], type), pa.nulls(5, FeatureType.parse(type).arrow)):
        rows, (found,), _ = decode(encoded([(type, array)]))
        assert rows == len(array)
        assert found.equals(array)


def test_nan_keeps_its_payload():
    wide = pa.array(np.array([0x7FF8000000000001, 0xFFF8DEADBEEF0000, 0x7FF0000000000001], "<u8").view("<f8"))
    narrow = pa.array(np.array([0x7FC00001, 0xFFC00000, 0x7F800001], "<u4").view("<f4"))
    _, found, _ = decode(encoded([("float64", wide), ("float32", narrow)]))
    assert [support.exact(array) for array in found] == [support.exact(wide), support.exact(narrow)]


cells = {type: st.lists(st.sampled_from(support.edges(type)), max_size=20) for type in support.TYPES}


@given(st.data(), st.sampled_from(support.TYPES), st.integers(0, 10))
@settings(max_examples=200, deadline=None)
def test_any_slice_of_any_cells_comes_back(data, type, start):
    part = support.array(data.draw(cells[type]), type).slice(start)
    _, (found,), _ = decode(encoded([(type, part)]))
    assert support.exact(found) == support.exact(part)


def test_a_batch_that_is_cut_or_is_none_is_data_loss():
    whole = encoded(edge_columns()).to_pybytes()
    for size in (0, 1, 63, 64, 100, len(whole) // 2, len(whole) - 1):
        with pytest.raises(hw.DataLoss):
            decode(pa.py_buffer(whole[:size]))
    with pytest.raises(hw.DataLoss):
        decode(pa.py_buffer(bytes(len(whole))))


def test_another_version_and_an_unknown_type_say_to_use_the_same_version():
    whole = bytearray(encoded([("int64", pa.array([1]))]).to_pybytes())
    newer = whole.copy()
    newer[4] = 2
    unknown = whole.copy()
    unknown[68] = 99
    for other in (newer, unknown):
        with pytest.raises(hw.Unimplemented, match="same version on both sides"):
            decode(pa.py_buffer(bytes(other)))


@pytest.mark.parametrize("type", ["string", "array(int32)", "array(string)"])
@pytest.mark.parametrize("offset", [-1, 2**31 - 1, -(2**31)])
def test_offsets_that_lead_outside_are_data_loss(type, offset):
    whole = bytearray(encoded([(type, support.array(support.edges(type), type))]).to_pybytes())
    (place,) = struct.unpack_from("<I", whole, 64 + 24)
    for row in range(1, len(support.edges(type)) + 1):
        wrong = whole.copy()
        struct.pack_into("<i", wrong, place + 4 * row, offset)
        with pytest.raises(hw.DataLoss):
            decode(pa.py_buffer(bytes(wrong)))


def test_text_that_is_not_utf8_is_data_loss():
    whole = encoded([("string", pa.array(["é" * 10]))]).to_pybytes()
    with pytest.raises(hw.DataLoss):
        decode(pa.py_buffer(whole.replace("é".encode(), b"\xc3\x28", 1)))


def use(arrays: list[pa.Array]) -> None:
    """Touches all cells: what passed the checks can be read."""
    for array in arrays:
        array.validate()
        support.exact(array)


@given(st.randoms(use_true_random=False), st.integers(0, 9), st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_random_bytes_in_a_batch_end_in_an_error_of_ours_or_in_cells_that_can_be_read(random, rows, count):
    wrong = bytearray(encoded(edge_columns(rows)).to_pybytes())
    for _ in range(count):
        # Half of them in header and directory.
        limit = 64 * (1 + len(support.TYPES)) if random.random() < 0.5 else len(wrong)
        wrong[random.randrange(limit)] = random.randrange(256)
    try:
        _, columns, _ = decode(pa.py_buffer(bytes(wrong)))
    except hw.HeadwaterError:
        return
    use(columns)


def padded(part: bytes) -> bytes:
    return part + bytes(-len(part) % 8)


def answer(columns: list[tuple[str, pa.Array]], event_times: bool = False) -> bytes:
    """An answer of a get, as docs/formats/packed-columns.md has it."""
    rows = len(columns[0][1])
    codes = [np.array([0 if valid.as_py() else 1 for valid in array.is_valid()] + [0] * (-rows % 4), np.uint8) for _, array in columns]
    packed_codes = [sum(code.reshape(-1, 4)[:, place] << (2 * place) for place in range(4)).astype(np.uint8) for code in codes]
    made = struct.pack("<QII", 7, rows, 1 | (2 if event_times else 0)) + padded(b"".join(code.tobytes() for code in packed_codes))
    for text, array in columns:
        type = FeatureType.parse(text)
        _, offsets, element_validity, element_offsets, data = batch.buffers(type, array)
        if type.is_text or type.is_array:
            made += padded(offsets.tobytes())
        if type.is_array:
            made += struct.pack("<Q", array.flatten().null_count) + padded(element_validity.tobytes())
            if type.element.is_text:
                made += padded(element_offsets.tobytes())
        made += padded(data.tobytes())
    return made + bytes(8 * rows * len(columns) if event_times else 0)


def taken_apart(whole: bytes, types: list[str]) -> list[pa.Array]:
    known = Types(FeatureType.parse(type) for type in types)
    found = PackedColumns.decode(pa.py_buffer(whole), known)
    size = (found.row_count + 3) // 4
    arrays = []
    for place, type in enumerate(known):
        validity = None
        if found.statuses_place >= 0:
            codes = np.frombuffer(whole, np.uint8, size, found.statuses_place + place * size)
            present = bits.unpack_statuses(codes, found.row_count) == 0
            validity = None if present.all() else pa.py_buffer(bits.pack(present))
        arrays.append(packed.arrow_column(found, place, type, validity))
    return arrays


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 5, 13])
@pytest.mark.parametrize("event_times", [False, True])
def test_the_answer_of_a_get_comes_out_bit_for_bit(rows, event_times):
    columns = edge_columns(rows)
    found = taken_apart(answer(columns, event_times), [type for type, _ in columns])
    for (type, array), column in zip(columns, found, strict=True):
        assert support.exact(column) == support.exact(array), type


@pytest.mark.parametrize("type", ["int32", "float64", "vector(3)"])
def test_an_answer_of_one_type_and_no_rows_has_all_its_columns(type):
    columns = [(type, support.array([], type))] * 3
    assert [len(array) for array in taken_apart(answer(columns), [type] * 3)] == [0, 0, 0]


def test_an_answer_that_is_cut_or_too_long_is_data_loss():
    columns = edge_columns()
    types = [type for type, _ in columns]
    whole = answer(columns)
    for size in (0, 7, 15, 16, 40, len(whole) // 2, len(whole) - 8):
        with pytest.raises(hw.DataLoss):
            taken_apart(whole[:size], types)
    with pytest.raises(hw.DataLoss):
        taken_apart(whole + bytes(8), types)


@given(st.randoms(use_true_random=False), st.integers(0, 9), st.integers(1, 12), st.booleans())
@settings(max_examples=150, deadline=None)
def test_random_bytes_in_an_answer_end_in_an_error_of_ours_or_in_cells_that_can_be_read(random: random.Random, rows, count, event_times):
    columns = edge_columns(rows)
    wrong = bytearray(answer(columns, event_times))
    for _ in range(count):
        wrong[random.randrange(len(wrong))] = random.randrange(256)
    try:
        found = taken_apart(bytes(wrong), [type for type, _ in columns])
    except hw.HeadwaterError:
        return
    use(found)


def test_keys_are_packed_with_their_nulls():
    keys = [("int64", pa.array([None, 1, 2, None, 4])), ("string", pa.array(["", None, "é", "b", None]))]
    body = packed.encode(7, 5, [(FeatureType.parse(type), array) for type, array in keys])
    found = taken_apart(body, [type for type, _ in keys])
    assert [array.to_pylist() for array in found] == [array.to_pylist() for _, array in keys]


@pytest.mark.parametrize("seed", range(8))
def test_a_column_of_many_batches_is_gathered_as_it_is(seed):
    chance = np.random.default_rng(seed)
    table = support.edge_table().combine_chunks()
    for column, name in support.FEATURES.items():
        values = table[column].chunk(0)
        pieces = []
        for _ in range(int(chance.integers(1, 9))):
            picked = values.take(pa.array(chance.integers(0, len(values), int(chance.integers(0, 40)))))
            pieces.append(picked.filter(picked.is_valid()) if chance.random() < 0.4 else picked)
        made = gathered.Gathered([FeatureType.parse(name)], int(chance.integers(0, 60)))
        for piece in pieces:
            made.add(batch.Batch(encoded([(name, piece)])))
        (joined,) = made.columns()
        joined.validate(full=True)
        assert support.exact(joined) == [cell for piece in pieces for cell in support.exact(piece)], name


@pytest.mark.parametrize("seed", range(12))
def test_many_columns_of_many_batches_are_gathered_as_they_are(seed):
    chance = np.random.default_rng(seed)
    table = support.edge_table().combine_chunks()
    names = list(support.FEATURES.values()) * int(chance.integers(1, 4)) + ["float64"] * int(chance.integers(0, 30))
    chance.shuffle(names)
    by_name = {name: table[column].chunk(0) for column, name in support.FEATURES.items()}
    rows = [int(chance.integers(0, 1_500 if chance.random() < 0.2 else 40)) for _ in range(int(chance.integers(1, 9)))]
    pieces = []
    for count in rows:
        columns = []
        for name in names:
            values = by_name[name].filter(by_name[name].is_valid()) if chance.random() < 0.5 else by_name[name]
            columns.append((name, values.take(pa.array(chance.integers(0, len(values), count)))))
        pieces.append(columns)
    made = gathered.Gathered([FeatureType.parse(name) for name in names], int(chance.integers(0, 60)))
    for columns in pieces:
        made.add(batch.Batch(encoded(columns)))
    for place, joined in enumerate(made.columns()):
        joined.validate(full=True)
        wanted = [cell for columns in pieces for cell in support.exact(columns[place][1])]
        assert support.exact(joined) == wanted, f"seed {seed}, column {place}: {names[place]}"
