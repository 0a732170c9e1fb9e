"""What a pickle would do, read from its opcodes without loading it.

The opcodes are run on stand-ins: strings keep their value, globals their name, what a call makes
is only known as such. So the memo and ``STACK_GLOBAL`` are followed exactly, and each call is seen
with what it calls. Everything is refused that is not known to be harmless: globals outside the
allow-list, calls of anything but a named global, extension codes, persistent ids, state set on a
class, a stream that cannot be read to its end.

joblib's files are pickles with the bytes of arrays (or pickles of object arrays) in between;
those are skipped (or checked) where joblib itself would read them.
"""

from __future__ import annotations

import pickletools
import re
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Self, cast

from mlmagic.registry.allowlist import exists, is_allowed
from mlmagic.registry.arrays import array_bytes
from mlmagic.registry.decompression import decompressed

if TYPE_CHECKING:
    from pathlib import Path

    from mlmagic.registry.allowlist import Use

# The first protocol that writes the names of Python 3.
_PYTHON_3 = 3
_WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_MAX_PROBLEMS = 20
_LARGE_READ = 1 << 20  # bytes of one value


@dataclass(frozen=True)
class Problem:
    """One thing that may not be loaded, and the byte where it stands."""

    name: str
    position: int
    why: str = ""
    found: tuple[str, str] | None = None


@dataclass
class Scan:
    """What a stream of pickles names.

    Attributes:
        modules: Top-level modules of the globals.
        joblib: Whether only ``joblib.load`` can read it.
    """

    problems: list[Problem] = field(default_factory=list)
    modules: set[str] = field(default_factory=set)
    joblib: bool = False


@dataclass(frozen=True)
class Global:
    """A global, not looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class Made:
    """What a call makes: by which global, with which arguments and state."""

    maker: Global
    arguments: Any = None
    state: Any = None


class _Unknown:
    def __repr__(self) -> str:
        return "something computed"


class _Mark:
    pass


UNKNOWN = _Unknown()
_MARK = _Mark()


class _UnreadableError(Exception):
    """The stream breaks the rules of the format."""


def scan_file(path: Path) -> Scan:
    """Check a pickle or joblib file, compressed or not."""
    with path.open("rb") as raw, decompressed(raw) as (stream, compressed):
        scan = scan_stream(stream)
    scan.joblib = scan.joblib or compressed
    return scan


def scan_stream(stream: IO[bytes], *, torch: bool = False) -> Scan:
    """Check all pickles that follow one another in a stream.

    Args:
        stream: Seekable, at its start.
        torch: Whether torch's own unpickler reads it, which knows persistent ids.
    """
    scan = Scan()
    stream = cast("IO[bytes]", _Clamped(stream))
    while True:
        _Machine(stream, scan, torch=torch).run()
        if scan.problems or not stream.read(1):
            break
        stream.seek(-1, 1)
    if scan.joblib and not scan.problems:
        stream.seek(0)
        scan.problems += _as_plain_pickle(stream)
    return scan


class _Skipped(bytes):
    """Stands for numbers and texts that are too long to be held: as long, and never a name."""

    length: int

    def __new__(cls, length: int) -> Self:
        made = super().__new__(cls, b"\0 too long for a name")
        made.length = length
        return made

    def __len__(self) -> int:
        return self.length


class _Clamped:
    """A stream of which no more is asked for than there is, and nothing large is held."""

    def __init__(self, stream: IO[bytes]) -> None:
        here = stream.tell()
        self._end = stream.seek(0, 2)
        stream.seek(here)
        self._stream = stream
        self.tell, self.seek, self.readline = stream.tell, stream.seek, stream.readline

    def read(self, size: int) -> bytes:
        if size <= _LARGE_READ:
            return self._stream.read(size)
        here = self._stream.tell()
        after = min(here + size, self._end)
        self._stream.seek(after)
        return _Skipped(after - here)


def _as_plain_pickle(stream: IO[bytes]) -> list[Problem]:
    """Check what ``pickle.load`` would do with a file made for ``joblib.load``.

    It goes on reading opcodes where joblib reads an array. In an honest file that soon ends in an
    error, after names that make no sense; only names that exist count.
    """
    scan = Scan()
    _Machine(stream, scan, with_arrays=False).run()
    return [bad for bad in scan.problems if bad.found is not None and exists(*bad.found)]


class _Machine:
    """The pickle machine, on stand-ins."""

    def __init__(
        self, stream: IO[bytes], scan: Scan, *, torch: bool = False, with_arrays: bool = True
    ) -> None:
        self._stream = stream
        self._scan = scan
        self._torch = torch
        self._with_arrays = with_arrays
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._protocol = 0
        self._position = 0
        self._frame_end = 0

    def run(self) -> None:
        """Read one pickle up to its STOP."""
        try:
            for opcode, argument, position in pickletools.genops(self._stream):
                self._position = position or 0
                self._step(opcode, argument)
                if len(self._scan.problems) >= _MAX_PROBLEMS:
                    return
        except _UnreadableError as error:
            self._refuse("pickle", str(error))
        except (ValueError, IndexError, KeyError, TypeError, EOFError, RecursionError) as error:
            self._refuse("pickle", f"the stream cannot be read to its end ({error})")

    def _step(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        name = opcode.name
        special = getattr(self, f"_op_{name.lower()}", None)
        if special is not None:
            special(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name])
        elif _LITERALS.fullmatch(name):
            self._stack.append(argument)
        elif name in _REFUSED:
            self._refuse(f"opcode {name}", _REFUSED[name])
        else:
            raise _UnreadableError(f"the opcode '{name}' is not known")

    # Stack and memo

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise _UnreadableError("it takes more from the stack than there is")
        return self._stack.pop()

    def _top(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise _UnreadableError("it reads from an empty stack")
        return self._stack[-1]

    def _to_mark(self) -> list[Any]:
        items: list[Any] = []
        while self._stack:
            item = self._stack.pop()
            if item is _MARK:
                return items[::-1]
            items.append(item)
        raise _UnreadableError("a mark is missing")

    def _op_mark(self, _: Any) -> None:
        self._stack.append(_MARK)

    def _op_pop(self, _: Any) -> None:
        if not self._stack:
            raise _UnreadableError("it takes more from the stack than there is")
        self._stack.pop()

    def _op_pop_mark(self, _: Any) -> None:
        self._to_mark()

    def _op_dup(self, _: Any) -> None:
        self._stack.append(self._top())

    def _op_put(self, index: Any) -> None:
        self._memo[int(index)] = self._top()

    _op_binput = _op_long_binput = _op_put

    def _op_memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._top()

    def _op_get(self, index: Any) -> None:
        if int(index) not in self._memo:
            raise _UnreadableError(f"the memo has no entry {index}")
        self._stack.append(self._memo[int(index)])

    _op_binget = _op_long_binget = _op_get

    # Containers whose content matters to read joblib's arrays

    def _op_tuple(self, _: Any) -> None:
        self._stack.append(tuple(self._to_mark()))

    def _op_tuple1(self, _: Any) -> None:
        self._stack.append((self._pop(),))

    def _op_tuple2(self, _: Any) -> None:
        second, first = self._pop(), self._pop()
        self._stack.append((first, second))

    def _op_tuple3(self, _: Any) -> None:
        third, second, first = self._pop(), self._pop(), self._pop()
        self._stack.append((first, second, third))

    def _op_empty_dict(self, _: Any) -> None:
        self._stack.append({})

    def _op_dict(self, _: Any) -> None:
        items = self._to_mark()
        self._stack.append({})
        self._fill(items)

    def _op_setitem(self, _: Any) -> None:
        value, key = self._pop(), self._pop()
        self._fill([key, value])

    def _op_setitems(self, _: Any) -> None:
        self._fill(self._to_mark())

    def _fill(self, items: list[Any]) -> None:
        target = self._top()
        self._check_target(target)
        if len(items) % 2:
            raise _UnreadableError("a dictionary has a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(target, dict) and isinstance(key, str | int | bytes):
                target[key] = value

    def _op_empty_tuple(self, _: Any) -> None:
        self._stack.append(())

    def _op_empty_list(self, _: Any) -> None:
        self._stack.append(UNKNOWN)

    _op_empty_set = _op_empty_list

    def _op_list(self, _: Any) -> None:
        self._to_mark()
        self._stack.append(UNKNOWN)

    _op_frozenset = _op_list

    def _op_append(self, _: Any) -> None:
        self._pop()
        self._check_target(self._top())

    def _op_appends(self, _: Any) -> None:
        self._to_mark()
        self._check_target(self._top())

    _op_additems = _op_appends

    # Globals

    def _op_global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._stack.append(self._named(module, name))

    def _op_stack_global(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(module, str) or not isinstance(name, str):
            self._refuse("opcode STACK_GLOBAL", "the name is computed, so it cannot be checked")
            self._stack.append(UNKNOWN)
            return
        self._stack.append(self._named(module, name))

    def _named(self, module: str, name: str) -> Global:
        if self._protocol < _PYTHON_3:
            # As the unpickler does: names of Python 2 in early protocols.
            module, name = NAME_MAPPING.get((module, name), (module, name))
            module = IMPORT_MAPPING.get(module, module)
        found = Global(module, name)
        self._scan.modules.add(module.partition(".")[0])
        self._check(found, "refer")
        return found

    # Calls

    def _op_reduce(self, _: Any) -> None:
        arguments, maker = self._pop(), self._pop()
        self._call(maker, arguments)

    _op_newobj = _op_reduce

    def _op_newobj_ex(self, _: Any) -> None:
        self._pop()
        self._op_reduce(None)

    def _op_inst(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        arguments = tuple(self._to_mark())
        self._call(self._named(module, name), arguments)

    def _op_obj(self, _: Any) -> None:
        items = self._to_mark()
        if not items:
            raise _UnreadableError("a call without anything to call")
        self._call(items[0], tuple(items[1:]))

    def _call(self, maker: Any, arguments: Any) -> None:
        if not isinstance(maker, Global):
            self._refuse("call", "it calls something that is not a named global")
            self._stack.append(UNKNOWN)
            return
        if maker == _ENCODE and not _encodes_latin1(arguments):
            self._refuse(str(maker), "only 'latin1' is expected, as pickle writes it")
        self._check(maker, "call")
        self._stack.append(Made(maker, arguments))

    def _op_build(self, _: Any) -> None:
        state, target = self._pop(), self._top()
        self._check_target(target)
        if not isinstance(target, Made):
            return
        target.state = state
        if (target.maker.module, target.maker.name) == _WRAPPER:
            self._read_array(target)

    def _check_target(self, target: Any) -> None:
        if isinstance(target, Global):
            self._refuse(str(target), "it changes a class or function, not an object")

    def _read_array(self, wrapper: Made) -> None:
        """Do what joblib does when it meets a wrapper: the array stands here, in the stream."""
        if not self._with_arrays:
            return
        if self._stream.tell() < self._frame_end:
            # The unpickler holds the rest of the frame, and would take the array from behind it.
            raise _UnreadableError("an array stands inside a frame")
        self._scan.joblib = True
        try:
            size = array_bytes(wrapper.state, self._stream)
        except ValueError as error:
            raise _UnreadableError(str(error)) from error
        if size is None:
            _Machine(self._stream, self._scan).run()
        elif len(self._stream.read(size)) != size:
            raise _UnreadableError("it ends inside an array")
        self._stack[-1] = UNKNOWN

    # The rest

    def _op_frame(self, size: int) -> None:
        self._frame_end = self._stream.tell() + size

    def _op_proto(self, argument: int) -> None:
        self._protocol = argument

    def _op_persid(self, _: Any) -> None:
        if not self._torch:
            self._refuse("opcode PERSID", "a persistent id needs a loader of its own")
        self._stack.append(UNKNOWN)

    def _op_binpersid(self, _: Any) -> None:
        self._pop()
        self._op_persid(None)

    def _op_stop(self, _: Any) -> None:
        self._pop()

    def _check(self, found: Global, use: Use) -> None:
        if not is_allowed(found.module, found.name, use, torch=self._torch):
            self._refuse(str(found), found=(found.module, found.name))

    def _refuse(self, name: str, why: str = "", found: tuple[str, str] | None = None) -> None:
        problem = Problem(name, self._position, why, found)
        if all(known.name != name for known in self._scan.problems):
            self._scan.problems.append(problem)


_ENCODE = Global("_codecs", "encode")


def _encodes_latin1(arguments: Any) -> bool:
    return isinstance(arguments, tuple) and arguments[1:] == ("latin1",)


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = re.compile(
    "(BIN)?INT|BININT[12]|LONG[14]?|(BIN)?FLOAT|(SHORT_)?BINSTRING|STRING|(SHORT_)?BINBYTES|BINBYTES8"
    "|BYTEARRAY8|UNICODE|(SHORT_)?BINUNICODE|BINUNICODE8"
)
_REFUSED = {
    "EXT1": "extension codes stand for globals that only a process knows",
    "EXT2": "extension codes stand for globals that only a process knows",
    "EXT4": "extension codes stand for globals that only a process knows",
    "NEXT_BUFFER": "it needs buffers from outside the file",
    "READONLY_BUFFER": "it needs buffers from outside the file",
}
