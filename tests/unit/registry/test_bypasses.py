"""Published ways past scanners of models, as files: each is refused before it is registered.

Sources: the advisories of picklescan, fickling and modelscan (wrong checksums, names twice, broken
and second streams, other names), of NumPy (objects in arrays), of safetensors and ONNX (headers,
external data).
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib

import joblib
import numpy as np
import pytest

from mlmagic.errors import RegistryError, UnsafeModelError

EVIL = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00trueq\x00\x85q\x01R."
OLD = b"cos\nsystem\n(S'true'\ntR."
HARMLESS = pickle.dumps({"weights": [1.0, 2.0]}, protocol=2)


class Calls:
    def __reduce__(self):
        return np.load, ("x.npy",)


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def torch(pickled: bytes) -> bytes:
    return zipped(**{"m/data.pkl": pickled, "m/data/0": b"\0" * 8, "m/version": b"3\n"})


def tarred(name: str, data: bytes, mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def array(value) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, value, allow_pickle=True)
    return buffer.getvalue()


def broken_checksum() -> bytes:
    """A zip whose checksum is wrong: zipfile stops there, torch reads on."""
    data = torch(EVIL)
    (crc,) = (struct.pack("<I", zlib.crc32(EVIL)),)
    assert crc in data
    return data.replace(crc, b"\1\2\3\4")


def other_local_name() -> bytes:
    """A zip whose local header names another file than its directory."""
    return torch(EVIL).replace(b"m/data.pkl", b"m/data.txt", 1)


def encrypted_flag() -> bytes:
    data = bytearray(torch(EVIL))
    data[
        data.rindex(b"PK\x01\x02", 0, data.index(b"m/data.pkl", data.index(b"PK\x01\x02"))) + 8
    ] |= 1
    return bytes(data)


def twice() -> bytes:
    buffer = io.BytesIO(torch(HARMLESS))
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("m/data.pkl", EVIL)
    return buffer.getvalue()


def behind_nothing(data: bytes, *, first: int) -> bytes:
    """zlib data that gives some bytes, a MiB of blocks without any, and only then the rest."""
    literal = struct.pack("<BHH", 0, first, first ^ 0xFFFF) + data[:first] if first else b""
    rest = zlib.compressobj(wbits=-15)
    return b"".join(
        (
            b"\x78\x9c",
            literal,
            b"\0\0\0\xff\xff" * ((1 << 20) // 5 + 1),
            rest.compress(data[first:]),
            rest.flush(),
            struct.pack(">I", zlib.adler32(data)),
        )
    )


def lzma_alone(data: bytes, dict_size: int) -> bytes:
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": dict_size}]
    return lzma.compress(data, format=lzma.FORMAT_ALONE, filters=filters)


def z_file(data: bytes) -> bytes:
    """What joblib wrote before 0.10, and still reads."""
    return b"ZF" + hex(len(data)).encode().ljust(19) + zlib.compress(data)


def npy_header(length: int) -> bytes:
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", length) + b"{}"


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def onnx(place: str, *, in_node: bool = False) -> bytes:
    """A model whose one tensor lies in another file; the value stands before its key."""
    entry = field(2, place.encode()) + field(1, b"location")
    tensor = field(13, entry) + varint(14 << 3) + b"\1"
    inside = field(1, field(5, field(5, tensor))) if in_node else field(5, tensor)
    return varint(1 << 3) + b"\x08" + field(7, inside)


def safetensors(header: bytes, length: int | None = None, numbers: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + numbers


TENSOR = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
NAMED = r"'(os|posix)\.system'"

BYPASSES = {
    "torch under another name": ("weights.bin", torch(EVIL), NAMED),
    "torch, wrong checksum": ("net.pt", broken_checksum(), "cannot be read to its end"),
    "torch, other name inside": ("net.pt", other_local_name(), "cannot be read to its end"),
    "torch, marked as encrypted": ("net.pth", encrypted_flag(), "encrypted"),
    "torch, without a directory": ("net.pt", torch(EVIL)[:-30], "cannot be read to its end"),
    "torch, behind numbers": ("net.bin", b"\0" * 600 + torch(EVIL), NAMED),
    "torch as tar": ("net.pt", tarred("pickle", EVIL), NAMED),
    "pickle beside numbers of torch": (
        "net.pt",
        zipped(**{"m/data.pkl": HARMLESS, "m/data/x.bin": EVIL}),
        NAMED,
    ),
    "pickle in a folder of numbers of another": (
        "a.zip",
        zipped(**{"m/data.pkl": HARMLESS, "n/data/0": EVIL}),
        NAMED,
    ),
    "a function of Python in a network": (
        "net.keras",
        zipped(
            **{
                "config.json": json.dumps(
                    {"class_name": "function", "module": "builtins", "config": "exec"}
                ).encode()
            }
        ),
        "'builtins.exec' in the file 'net.keras/config.json'",
    ),
    "pickle in a folder of a zip": ("a.zip", zipped(**{"x/y.dat": EVIL}), NAMED),
    "zip in a zip": ("a.zip", zipped(b=zipped(c=EVIL)), NAMED),
    "zips without end": (
        "a.zip",
        zipped(b=zipped(c=zipped(d=zipped(e=EVIL)))),
        "is not looked into",
    ),
    "zip in a tar": ("a.dat", tarred("b", zipped(c=EVIL), "w:gz"), NAMED),
    "name that leads out": ("a.npz", zipped(**{"../a.npy": array(np.zeros(2))}), "leads out"),
    "array of objects": ("a.npy", array(np.array([Calls()], dtype=object)), "'numpy.load'"),
    "array of objects in npz": (
        "a.npz",
        zipped(**{"a.npy": array(np.array([Calls()], dtype=object))}),
        "'numpy.load'",
    ),
    "array of objects in a structure": (
        "a.dat",
        array(np.array([(1, Calls())], dtype=[("n", "i4"), ("o", "O")])),
        "'numpy.load'",
    ),
    "npy header without end": ("a.npy", npy_header(1 << 31), "claims 2147483648 bytes"),
    "npy of an absurd shape": (
        "a.npy",
        array(np.zeros(2)).replace(b"(2,), }      ", b"(2000000,), }"),
        "bytes of numbers, and 16 follow",
    ),
    "second pickle": ("net.pkl", HARMLESS + EVIL, NAMED),
    "second pickle, other name": ("net.dat", HARMLESS + EVIL, NAMED),
    "call, then broken": ("net.dat", EVIL[:-1] + b"\xff\xff", NAMED),
    "broken in a number": ("net.dat", b"\x80\x04I0x10\n0" + OLD, "cannot be read to its end"),
    "pickle without a mark": ("labels.txt", OLD, NAMED),
    "pickle that asks for exabytes": (
        "net.pkl",
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"x.",
        "cannot be read to its end",
    ),
    "gzip": ("net.joblib", gzip.compress(EVIL), NAMED),
    "gzip, other name": ("net.dat", gzip.compress(EVIL), NAMED),
    "bz2, other name": ("net.dat", bz2.compress(EVIL), NAMED),
    "xz, other name": ("net.dat", lzma.compress(EVIL), NAMED),
    "zlib, other name": ("net.dat", zlib.compress(EVIL), NAMED),
    "zlib, one byte, then nothing": ("net.dat", behind_nothing(EVIL, first=1), NAMED),
    "zlib, nothing first": ("net.dat", behind_nothing(EVIL, first=0), NAMED),
    "zlib, nothing first, cut": (
        "net.dat",
        behind_nothing(EVIL, first=0)[:-2],
        "cannot be unpacked",
    ),
    "lzma, other name": ("net.dat", lzma_alone(EVIL, 1 << 23), NAMED),
    "lzma, small window": ("net.dat", lzma_alone(EVIL, 1 << 12), NAMED),
    "lzma, small window, name of joblib": ("net.joblib", lzma_alone(EVIL, 1 << 12), NAMED),
    "old joblib, other name": ("net.dat", z_file(EVIL), NAMED),
    "gzip of an old pickle": ("net.dat", gzip.compress(OLD), NAMED),
    "zlib of an old pickle": ("net.dat", zlib.compress(OLD), NAMED),
    "lzma of an old pickle": ("net.dat", lzma_alone(OLD, 1 << 12), NAMED),
    "gzip, cut after the call": ("net.dat", gzip.compress(EVIL)[:-4], "cannot be unpacked"),
    "zlib, cut after the call": ("net.dat", zlib.compress(EVIL)[:-2], "cannot be unpacked"),
    "pickle and zip at once": ("a.dat", HARMLESS + zipped(a=b"x"), "both at once"),
    "array and zip at once": ("a.npy", array(np.zeros(2)) + zipped(a=b"x"), "both at once"),
    "safetensors of exabytes": (
        "a.safetensors",
        safetensors(b'{"a":1}', 1 << 62),
        "claims 4611686018427387904 bytes, and the file has 7 more",
    ),
    "safetensors without tensors": (
        "a.safetensors",
        safetensors(json.dumps({"a": TENSOR}).encode(), numbers=b"1234"),
        "claims 8 bytes of numbers, and 4 follow",
    ),
    "safetensors of another name": (
        "a.bin",
        safetensors(json.dumps({"a": TENSOR}).encode()),
        "claims 8 bytes of numbers, and 0 follow",
    ),
    "safetensors, no JSON": ("a.safetensors", safetensors(b"{" * 9000), "cannot be read"),
    "onnx, above the folder": ("net.onnx", onnx("../../etc/shadow"), "outside the model's folder"),
    "onnx, from the root": ("net.onnx", onnx("/etc/passwd"), "outside the model's folder"),
    "onnx, as Windows has it": ("net.onnx", onnx("..\\secret"), "outside the model's folder"),
    "onnx, in a node": ("net.onnx", onnx("../x", in_node=True), "outside the model's folder"),
    "onnx of exabytes": ("net.onnx", b"\x3a" + varint(1 << 62) + b"x", "claims 46116860"),
    "TorchScript": (
        "net.bin",
        zipped(**{"m/data.pkl": HARMLESS, "m/code/__torch__.py": b"", "m/constants.pkl": b""}),
        "'TorchScript' in the file 'net.bin' may not be loaded: a program",
    ),
    "HDF5": ("net.dat", b"\0" * 1024 + b"\x89HDF\r\n\x1a\n", "'HDF5' in the file 'net.dat'"),
}


@pytest.mark.parametrize(("name", "data", "message"), BYPASSES.values(), ids=BYPASSES)
def test_what_passes_other_scanners_is_refused(registry, tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UnsafeModelError, match=message) as caught:
        registry.register(path, name="net")
    assert f"in the file '{name}" in str(caught.value)
    assert "--trust" in caught.value.hint
    assert registry.names() == []
    registry.register(path, name="net", trust="our own")
    assert registry.trust.decisions()[0].reason == "our own"


def test_trust_in_bytes_under_one_name_does_not_cover_more_under_another(registry, tmp_path):
    # Without a pickle's mark, only names that exist here are told of a file with another suffix.
    data = OLD[:-1] + b"0cno_module_of_ours\nrun\n)R."
    folder = tmp_path / "both"
    folder.mkdir()
    for name in ("a.pkl", "b.txt"):
        (folder / name).write_bytes(data)
    registry.register(folder / "b.txt", name="net", trust="our own")
    with pytest.raises(UnsafeModelError):
        registry.register(folder, name="nets")
    registry.register(folder, name="nets", trust="our own")
    names = [each.names for each in registry.trust.decisions()]
    assert [len(each) for each in names] == [1, 2]
    assert "no_module_of_ours.run" in names[1]


def joblibbed(value, compress) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(value, buffer, compress=compress)
    return buffer.getvalue()


PASSING = {
    "torch": ("net.bin", torch(HARMLESS), "torch-state"),
    "joblib": ("net.dat", joblibbed(np.zeros(5), 3), "joblib"),
    "Keras, one of its functions": (
        "net.keras",
        zipped(
            **{"config.json": b'{"class_name": "function", "module": "builtins", "config": "relu"}'}
        ),
        "keras",
    ),
    "pickle": ("net.dat", HARMLESS, "pickle"),
    "npy": ("a.npy", array(np.zeros((2, 3))), None),
    "npy of objects": ("a.npy", array(np.array(["a", None], dtype=object)), None),
    "npy of a structure": ("a.npy", array(np.zeros(2, dtype=[("a", "i4"), ("b", "U3")])), None),
    "npz": ("a.npz", zipped(**{"a.npy": array(np.zeros(2)), "b.npy": array(np.ones(1))}), None),
    "safetensors": (
        "a.safetensors",
        safetensors(json.dumps({"a": TENSOR}).encode(), numbers=b"12345678"),
        None,
    ),
    "numbers that begin like zlib": ("a.bin", b"\x78\x9c\xff\xff\xff\xff" * 9, None),
    "numbers that begin like lzma": ("a.bin", struct.pack("<4i", 93, 1, -2, 3) * 9, None),
    "compressed text": ("labels.txt.gz", gzip.compress(b"(cat)\ndog\n" * 99), None),
    "text that begins like joblib's": ("zf.txt", b"ZF 0x12, our numbers\n" * 9, None),
    "text": ("labels.txt", b"cat\ndog\n(and)\nItem\n", None),
    "tar": ("a.tar.gz", tarred("notes", b"nothing", "w:gz"), None),
    "zip": ("a.zip", zipped(a=b"x", b=zipped(c=b"y")), None),
}


@pytest.mark.parametrize(("name", "data", "loader"), PASSING.values(), ids=PASSING)
def test_what_holds_data_passes(registry, tmp_path, name, data, loader):
    path = tmp_path / name
    path.write_bytes(data)
    assert registry.register(path, name="net").model.loader == loader


def test_tensors_beside_an_onnx_model_have_to_come_with_it(registry, tmp_path):
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "net.onnx").write_bytes(onnx("weights.data"))
    with pytest.raises(RegistryError, match=r"lie in the file 'weights.data', which is not given"):
        registry.register(folder / "net.onnx", name="net")
    (folder / "weights.data").write_bytes(b"1234")
    assert registry.register(folder, name="net").outcome == "registered"
