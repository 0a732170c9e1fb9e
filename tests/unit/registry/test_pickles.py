"""What the check of pickles lets through, and what it refuses."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import struct
import tracemalloc
import warnings
import zlib
from collections import OrderedDict
from datetime import date
from decimal import Decimal
from functools import partial
from operator import attrgetter, methodcaller

import joblib
import numpy as np
import pandas as pd
import pytest
from joblib.numpy_pickle import NumpyArrayWrapper

from mlmagic.registry.pickles import scan_file, scan_stream


class Calls:
    """Pickles as a call of anything."""

    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


def problems(data: bytes) -> list[str]:
    return [problem.name for problem in scan_stream(io.BytesIO(data)).problems]


def short(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


HARMLESS = [
    {"a": [1, 2.5, None, True], "b": (b"bytes", "text", {1, 2}), "c": frozenset([3])},
    OrderedDict(a=1),
    date(2026, 1, 2),
    bytearray(b"abc"),
    2**90,
    np.arange(6).reshape(2, 3),
    np.float64(1.5),
    np.array(["a", None], dtype=object),
    np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    np.random.default_rng(1),
    np.ma.array([1, 2], mask=[True, False]),
    pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.to_datetime(["2020", None])}),
    pd.Series(pd.Categorical(["u", "v"])),
    pd.MultiIndex.from_product([[1, 2], ["a"]]),
]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("value", HARMLESS, ids=lambda value: type(value).__name__)
def test_plain_data_passes(value, protocol):
    assert problems(pickle.dumps(value, protocol)) == []


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 1), ("lzma", 1)])
@pytest.mark.parametrize("value", HARMLESS, ids=lambda value: type(value).__name__)
def test_plain_data_passes_in_joblib_files(value, compress, tmp_path):
    path = tmp_path / "value.joblib"
    joblib.dump([value, value, {"again": np.zeros((3, 2), order="F")}], path, compress=compress)
    scan = scan_file(path)
    assert scan.problems == []
    assert scan.joblib


CALLS = {
    "os.system": (os.system, "true"),
    "eval": (eval, "1"),
    "getattr": (getattr, "a", "upper"),
    "methodcaller": (methodcaller, "upper"),
    "attrgetter": (attrgetter, "real"),
    "partial": (partial, print),
    "numpy.load": (np.load, "x.npy"),
    "numpy.lib": (np.loadtxt, "x.txt"),
    "map": (map, print, [1]),
    "type": (type, "Name", (), {}),
    "read_pickle": (pd.read_pickle, "x.pkl"),
    "joblib.load": (joblib.load, "x.pkl"),
    "numpy.save": (np.save, "x", [1]),
}


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_calls_are_refused(call, protocol):
    assert problems(pickle.dumps(Calls(*call), protocol))
    assert problems(pickle.dumps([np.zeros(2), {"deep": (Calls(*call),)}], protocol))


def test_the_position_and_the_name_are_told():
    data = pickle.dumps([1, Calls(os.system, "true")], 0)
    (problem,) = scan_stream(io.BytesIO(data)).problems
    assert problem.name in ("posix.system", "nt.system")
    assert data[problem.position :].startswith(b"c")


def test_names_from_the_memo_are_followed():
    # os and system are memoised as harmless strings first, and fetched in the other order.
    data = b"\x80\x04" + short("system") + b"\x940" + short("os") + b"\x940"
    data += b"h\x01h\x00\x93" + short("true") + b"\x85R."
    assert problems(data) == ["os.system"]


def test_names_put_into_the_memo_by_number_are_followed():
    data = b"\x80\x02X\x02\x00\x00\x00osq\x050"
    data += b"X\x06\x00\x00\x00systemq\x070h\x05h\x07\x93."
    assert problems(data) == ["os.system"]


def test_a_computed_name_is_refused():
    data = b"\x80\x04" + short("os") + b"cbuiltins\nstr\n" + short("system") + b"\x85R\x93."
    assert problems(data) == ["opcode STACK_GLOBAL"]


def test_a_name_of_python_2_is_translated_as_the_unpickler_does():
    assert problems(b"c__builtin__\nset\n.") == []
    assert problems(b"c__builtin__\nexecfile\n.")
    assert problems(b"\x80\x04c__builtin__\nset\n.") == ["__builtin__.set"]


@pytest.mark.parametrize(
    "data",
    [
        b"(S'true'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'true'\no.",  # OBJ
        b"\x80\x04cos\nsystem\n" + short("true") + b"\x85}\x92.",  # NEWOBJ_EX
        b"\x80\x02cos\nsystem\nU\x04true\x85\x81.",  # NEWOBJ
        b"\x82\x01.",  # EXT1
        b"\x83\x01\x01.",  # EXT2
        b"\x84\x01\x01\x01\x01.",  # EXT4
        b"Pname\n.",  # PERSID
        b"U\x04nameQ.",  # BINPERSID
        b"\x80\x05\x97.",  # NEXT_BUFFER
        b"csklearn.linear_model._ridge\nRidge\n}U\x07predictcnumpy\nlog\nsb.",  # BUILD of a class
        b"cnumpy\ndtype\n)RU\x01a\x85R.",  # a call of what was made
        b"csklearn.base\njoblib.load\n.",  # dotted
        b"csklearn.base\nclone\n.",  # a function
        b"csklearn.utils._testing\nMinimalClassifier\n.",
        b"csklearn.base\nwarnings\n.",  # an imported module
        b"csklearn.pipeline\nBunch\n.",  # defined elsewhere
        b"cnumpy.core evil\nmultiarray\n.",
        b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x03\x00\x00\x00hextR.",
        b"cbuiltins\ngetattr\n.",
        b"cscipy.stats._distn_infrastructure\nrv_frozen\n.",
        b"csklearn.metrics._ranking\npartial\n.",  # imported by a module of metrics
        b"csklearn.metrics._classification\nnp\n.",
        b"csklearn.feature_selection._mutual_info\nParallel\n.",
        b"ccopyreg\n__newobj__\n(cnumpy\nlog\ntR.",  # a call of a function in two steps
        b"ccopyreg\n_reconstructor\n(cnumpy\nlog\ncbuiltins\nobject\nNtR.",
        b"cbuiltins\nset\ncbuiltins\nlist\n(tRR.",  # arguments that are computed
    ],
)
def test_handmade_attacks_are_refused(data):
    assert problems(data)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x80\x04K\x01", b"\x80\x04.", b"h\x05.", b"\x80\x04\xff.", b"t."]
)
def test_what_cannot_be_read_to_its_end_is_refused(data):
    assert problems(data) == ["pickle"]


def test_a_second_pickle_in_the_file_is_checked():
    first = pickle.dumps([1, 2])
    assert problems(first + pickle.dumps({"b": 1})) == []
    assert problems(first + pickle.dumps(Calls(os.system, "true")))
    assert problems(first + b"\x00garbage")


EVIL = pickle.dumps(Calls(os.system, "true"), 4)


@pytest.mark.parametrize("squeeze", [gzip.compress, bz2.compress, lzma.compress, zlib.compress])
def test_compression_hides_nothing(squeeze, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(squeeze(EVIL))
    assert scan_file(path).problems


def test_a_pickle_inside_an_array_of_objects_is_checked(tmp_path):
    path = tmp_path / "model.joblib"
    joblib.dump({"a": np.array([Calls(os.system, "true"), 1], dtype=object)}, path)
    assert scan_file(path).problems


def test_array_bytes_cannot_be_made_opcodes(tmp_path):
    path = tmp_path / "model.joblib"
    joblib.dump([np.frombuffer(EVIL.ljust(128, b"."), dtype="u1"), "end"], path)
    assert scan_file(path).problems == []  # data, for joblib and for pickle alike
    data = path.read_bytes()
    at = data.index(EVIL)
    start = data.rindex(b"b", 0, at) + 1  # behind BUILD: the padding's length, then padding
    forged = data[:start] + b"\x80" + data[start + 1 :]
    assert problems(forged) == ["pickle"]


def test_an_array_inside_a_frame_is_refused(tmp_path):
    path = tmp_path / "model.joblib"
    joblib.dump([np.array(["a"], dtype=object), "end"], path)
    data = path.read_bytes()
    assert problems(data) == []
    at = data.index(b"\x95") if b"\x95" in data else 2
    forged = data[:2] + b"\x95" + struct.pack("<Q", len(data) - at) + data[2:].replace(b"\x95", b"")
    assert problems(forged)


def wrapped(more: bytes = b"", dtype: bytes = b"cnumpy\ndtype\n" + short("S1") + b"\x85R"):
    state = short("shape") + b"K\x01\x85" + short("dtype") + dtype
    return b"}(" + state + short("numpy_array_alignment_bytes") + b"K\x10" + more + b"ub"


# joblib reads an array where it is not seen, or a longer one than is seen: the call is among its
# bytes for one of the two only.
WRAPPER = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n"
LONG = b"(K\x03" + short("|") + b"NNNKdK\x01K\x00tb"
OBJECTS = b"(K\x03" + short("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ftb"
MISREAD = {
    "rebuilt": b"ccopyreg\n_reconstructor\n("
    + WRAPPER
    + b"cbuiltins\nobject\nNtR"
    + wrapped()
    + b"N0.",
    "made anew": b"ccopyreg\n__newobj__\n(" + WRAPPER + b"tR" + wrapped() + b"N0.",
    "given back": b"cnumpy\nobject_\n" + WRAPPER + b")\x81\x85R" + wrapped() + b"N0.",
    "made by another": b"cpandas.core.indexes.base\n_new_Index\n("
    + WRAPPER
    + b"}tR"
    + wrapped()
    + b"N0.",
    "key that is made": WRAPPER
    + b")\x81"
    + wrapped(b"cbuiltins\nstr\n" + short("shape") + b"\x85RKd\x85"),
    "another reader": WRAPPER + b")\x81" + wrapped(short("read") + b"cbuiltins\nset\n"),
    "another size": WRAPPER
    + b")\x81"
    + wrapped(dtype=b"cnumpy\ndtype\n" + short("S1") + b"\x85R" + LONG),
    "objects after all": WRAPPER
    + b")\x81"
    + wrapped(dtype=b"cnumpy\ndtype\n" + short("i1") + b"\x89\x88\x87R" + OBJECTS),
    "type given back": b"cnumpy\ndtype\n"
    + short("S1")
    + b"\x85R\x940cnumpy\nobject_\nh\x00\x85R"
    + LONG
    + b"0"
    + WRAPPER
    + b")\x81"
    + wrapped(dtype=b"h\x00"),
    "type of a type": b"cnumpy\ndtype\n"
    + short("S1")
    + b"\x85R\x940cnumpy\ndtype\nh\x00\x85R"
    + LONG
    + b"0"
    + WRAPPER
    + b")\x81"
    + wrapped(dtype=b"h\x00"),
}


def test_an_array_of_objects_is_read_as_pickle_reads_it():
    # joblib loads its objects by pickle, which goes on with its memo where a wrapper stands.
    objects = WRAPPER + b")\x81" + wrapped(dtype=b"cnumpy\ndtype\n" + short("O8") + b"\x85R")

    def named(module, name):
        return short(module) + b"\x940" + short(name) + b"\x940"

    data = b"\x80\x04" + named("datetime", "date") + objects
    data += b"\x80\x04" + named("os", "system") + objects
    data += b"\x80\x04" + named("collections", "OrderedDict") + b"h\x00h\x01\x93..."
    assert problems(data) == ["os.system"]


@pytest.mark.parametrize("data", MISREAD.values(), ids=MISREAD)
def test_an_array_that_joblib_reads_otherwise_is_refused(data):
    # Behind the others stand the padding of an array, and its one byte.
    rest = b"" if data.endswith(b".") else b"\x01\0x."
    assert problems(b"\x80\x04" + data + rest)


def test_what_pickle_would_do_with_a_joblib_file_is_checked_too(tmp_path):
    # joblib reads the nested pickle with a memo of its own; pickle.load goes on with the outer one,
    # and finds another module for the same name.
    path = tmp_path / "model.joblib"
    joblib.dump({"time": 1, "array": np.array(["a"], dtype=object)}, path, protocol=4)
    data = path.read_bytes()
    assert problems(data) == []
    start = data[: data.rindex(b"\x80\x05")] + b"\x80\x04" + (short("datetime") + b"\x940") * 64
    fetched = (b"h" + bytes([index]) + short("time") + b"\x93." for index in range(64))
    refused = [problems(start + fetch + short("end") + b".") for fetch in fetched]
    assert {name for found in refused for name in found} == {"time.time"}


# What pickle.load has at the memo's places 0 to 3; joblib has there what the array's objects put.
OTHERWISE = {
    "a text that is made": b"cbuiltins\nstr\n" + short("os") + b"\x85R",
    "a text that is given back": b"cnumpy\nobject_\n" + short("os") + b"\x85R",
    "a text that is rebuilt": b"ccopyreg\n_reconstructor\n(cbuiltins\nstr\ncbuiltins\nstr\n"
    + short("os") + b"tR",
}  # fmt: skip


def as_objects(outer: bytes, inner: bytes) -> bytes:
    wrapper = pickle.dumps(NumpyArrayWrapper(np.ndarray, (1,), "C", np.dtype("O")), 2)[:-2]
    return wrapper + outer + b"b\x80\x04" + inner + b".."


@pytest.mark.parametrize("module", OTHERWISE.values(), ids=OTHERWISE)
def test_a_name_that_only_pickle_computes_is_refused(module):
    outer = module + b"q\x000" + short("getpid") + b"q\x010"
    inner = short("datetime") + b"\x940" + short("date") + b"\x940h\x00h\x01\x93)R"
    data = as_objects(outer, inner)
    assert pickle.loads(data) == os.getpid()
    assert "opcode STACK_GLOBAL" in problems(data)


def test_a_type_that_only_pickle_reads_in_two_ways_hides_nothing_behind_it():
    kind = b"cnumpy\ndtype\n(X\x02\0\0\0%b\x89\x88tR"
    outer = kind % b"i4" + b"q\x000" + short("os") + b"q\x010" + short("getpid") + b"q\x020"
    inner = kind % b"O8" + b"\x940" + short("datetime") + b"\x940" + short("date") + b"\x940"
    data = as_objects(outer, inner + b"h\x00" + OBJECTS + b"0h\x01h\x02\x93)R")
    assert pickle.loads(data) == os.getpid()
    assert "os.getpid" in problems(data)


@pytest.mark.parametrize("protocol", [2, 4])
def test_arrays_of_objects_pass_whatever_stands_before_them(tmp_path, protocol):
    objects = np.array(["a", None, Decimal(1), pd.Timestamp(0), pd.Timestamp(1)], dtype=object)
    path = tmp_path / "model.joblib"
    for before in (["a", "b", "numpy", "d"], ["x", "y", "numpy"], ["os"] * 4, [{1}, {2}, {3}], []):
        joblib.dump([*before, objects, objects], path, protocol=protocol)
        assert scan_file(path).problems == []


@pytest.mark.parametrize("data", [b"S'\\d'\n.", b"S'\\777'\n.", b"c\\d\nx\n.", b"P\\d\n."])
def test_escapes_that_python_has_not_are_no_warning(data):
    with warnings.catch_warnings():  # as 'python -W error'
        warnings.simplefilter("error")
        problems(data)


def test_memory_is_not_filled_by_sizes_that_lie():
    assert problems(b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"x.") == ["pickle"]


def test_large_numbers_are_skipped_not_held(tmp_path):
    path = tmp_path / "large.pkl"
    path.write_bytes(pickle.dumps({"weights": bytes(64 << 20), "bias": bytearray(8 << 20)}))
    tracemalloc.start()
    try:
        scan = scan_file(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert scan.problems == []
    path.write_bytes(path.read_bytes()[: 60 << 20])
    assert scan_file(path).problems


def test_a_name_that_is_too_long_to_be_read_is_outside(tmp_path):
    def text(value):
        return b"X" + struct.pack("<I", len(value)) + value

    path = tmp_path / "name.pkl"
    name = b"LinearRegression" + b".__class__" * 200_000
    path.write_bytes(b"\x80\x04" + text(b"sklearn.linear_model._base") + text(name) + b"\x93.")
    assert scan_file(path).problems
