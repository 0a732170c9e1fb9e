"""The pickle machine, run on stand-ins: strings keep their value, globals their name.

What a call makes is only known as such. So the memo and ``STACK_GLOBAL`` are followed exactly, and
each call is seen with what it calls. Everything is refused that is not known to be harmless:
globals outside the allow-list, calls of anything but a named global, extension codes, persistent
ids, state set on a class, a stream that cannot be read to its end.
"""

from __future__ import annotations

import pickletools
import re
import warnings
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from mlmagic.registry.allowlist import Global, is_allowed
from mlmagic.registry.arrays import array_bytes, item_size
from mlmagic.registry.callers import is_caller, strange_attribute

if TYPE_CHECKING:
    from mlmagic.registry.allowlist import Use

# The first protocol that writes the names of Python 3.
_PYTHON_3 = 3
_MAX_PROBLEMS = 20
_LONGEST_LIST = 1000  # what is in a longer one is not held


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


_WRAPPER = Global("joblib.numpy_pickle", "NumpyArrayWrapper")
_DTYPE = Global("numpy", "dtype")
# Calls that can give back what they are given, or make an object of any class.
GIVING_BACK = {"object_", "scalar", "_new_Index", "_new_DatetimeIndex", "_new_IntervalIndex"}
# Calls that make an object of the classes that they are given, and of how many.
_REBUILDERS = {"__newobj__": 1, "_reconstructor": 2, "newObj": 1}


@dataclass(eq=False)
class Made:
    """What a call makes: by which global, with which arguments and state."""

    maker: Global
    arguments: tuple[Any, ...] = ()
    state: Any = None


class _Unknown:
    def __repr__(self) -> str:
        return "something computed"


class _Mark:
    pass


UNKNOWN = _Unknown()
_MARK = _Mark()


class UnreadableError(Exception):
    """The stream breaks the rules of the format."""


class Machine:
    """The pickle machine, on stand-ins."""

    def __init__(
        self,
        stream: IO[bytes],
        scan: Scan,
        *,
        torch: bool = False,
        with_arrays: bool = True,
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
        self._callers: list[tuple[Global, Any]] = []

    def run(self) -> None:
        """Read one pickle up to its STOP."""
        try:
            with warnings.catch_warnings():  # of escapes that Python has not, in what is no pickle
                warnings.filterwarnings("ignore", category=DeprecationWarning, module="pickletools")
                self._run()
        except (UnreadableError, ValueError, EOFError) as error:
            self._unreadable(error)
        except (IndexError, KeyError, TypeError, RecursionError) as error:
            self._refuse("pickle", f"the stream cannot be read to its end ({error})")

    def _run(self) -> None:
        for opcode, argument, position in pickletools.genops(self._stream):
            self._position = position or 0
            self._step(opcode, argument)
            if len(self._scan.problems) >= _MAX_PROBLEMS:
                return

    def _unreadable(self, error: Exception) -> None:
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
            raise UnreadableError(f"the opcode '{name}' is not known")

    # Stack and memo

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise UnreadableError("it takes more from the stack than there is")
        return self._placed(self._stack.pop())

    def _top(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise UnreadableError("it reads from an empty stack")
        return self._stack[-1]

    def _to_mark(self) -> list[Any]:
        items: list[Any] = []
        while self._stack:
            item = self._stack.pop()
            if item is _MARK:
                return items[::-1]
            items.append(self._placed(item))
        raise UnreadableError("a mark is missing")

    def _placed(self, item: Any) -> Any:
        """Refuse joblib's reader of arrays where it is put elsewhere before it has read."""
        if isinstance(item, Made) and item.maker == _WRAPPER:
            self._refuse(str(_WRAPPER), "it stands where no array is read")
        return item

    def _op_mark(self, _: Any) -> None:
        self._stack.append(_MARK)

    def _op_pop(self, _: Any) -> None:
        if not self._stack:
            raise UnreadableError("it takes more from the stack than there is")
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
            raise UnreadableError(f"the memo has no entry {index}")
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
            raise UnreadableError("a dictionary has a key without a value")
        if isinstance(target, list):
            target.append(UNKNOWN)  # an item is replaced
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(target, dict):
                # A key that is made can be equal to any other: what it stands for is not known.
                target[key if isinstance(key, str | int | bytes) else UNKNOWN] = value

    def _op_empty_tuple(self, _: Any) -> None:
        self._stack.append(())

    def _op_empty_list(self, _: Any) -> None:
        self._stack.append([])

    def _op_empty_set(self, _: Any) -> None:
        self._stack.append(UNKNOWN)

    def _op_list(self, _: Any) -> None:
        items = self._to_mark()
        self._stack.append([])
        self._extend(items)

    def _op_frozenset(self, _: Any) -> None:
        self._to_mark()
        self._stack.append(UNKNOWN)

    def _op_append(self, _: Any) -> None:
        self._extend([self._pop()])

    def _op_appends(self, _: Any) -> None:
        self._extend(self._to_mark())

    _op_additems = _op_appends

    def _extend(self, items: list[Any]) -> None:
        target = self._top()
        self._check_target(target)
        if isinstance(target, list) and UNKNOWN not in target[-1:]:
            target += items if len(target) + len(items) <= _LONGEST_LIST else [UNKNOWN]

    # Globals

    def _op_global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._stack.append(self._named(module, name))

    def _op_stack_global(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(module, str) or not isinstance(name, str):
            self._computed(module, name)
            self._stack.append(UNKNOWN)
            return
        self._stack.append(self._named(module, name))

    def _computed(self, _module: Any, _name: Any) -> None:
        self._refuse("opcode STACK_GLOBAL", "the name is computed, so it cannot be checked")

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
            raise UnreadableError("a call without anything to call")
        self._call(items[0], tuple(items[1:]))

    def _call(self, maker: Any, arguments: Any) -> None:
        if not isinstance(maker, Global):
            self._call_of_no_global(maker)
            self._stack.append(UNKNOWN)
            return
        if not isinstance(arguments, tuple):
            self._refuse(str(maker), "it is called with arguments that are computed")
            arguments = ()
        if maker == _ENCODE and not _encodes_latin1(arguments):
            self._refuse(str(maker), "only 'latin1' is expected, as pickle writes it")
        self._check(maker, "call")
        if maker.name in _REBUILDERS:
            count = _REBUILDERS[maker.name]
            classes, arguments = arguments[:count], arguments[count:]
            if len(classes) < count or not all(isinstance(each, Global) for each in classes):
                self._refuse(str(maker), "it makes an object of what is no named class")
            else:
                for each in classes:
                    self._check(each, "call")
                maker = classes[0]
        if _WRAPPER in arguments:
            self._refuse(str(maker), "it is given joblib's reader of arrays")
        if is_caller(maker) and arguments not in ((), (None,)):
            why = "it is made with arguments, where a state is expected"
            self._refuse(str(maker), why, (maker.module, maker.name))
        self._stack.append(Made(maker, arguments))

    def _call_of_no_global(self, _maker: Any) -> None:
        self._refuse("call", "it calls something that is not a named global")

    def _op_build(self, _: Any) -> None:
        state, target = self._pop(), self._top()
        self._check_target(target)
        if not isinstance(target, Made):
            return
        if target.maker.name in GIVING_BACK:
            self._refuse(str(target.maker), "it may change another object, which is not seen")
        target.state = state
        if is_caller(target.maker):
            self._check_caller(target.maker, state)
            self._callers.append((target.maker, state))
        if target.maker == _WRAPPER:
            self._read_array(target)
        elif target.maker == _DTYPE:
            try:
                item_size(target)
            except ValueError as error:  # numpy may take it, and pickle go on
                self._refuse(str(_DTYPE), str(error))

    def _check_target(self, target: Any) -> None:
        if isinstance(target, Global):
            self._refuse(str(target), "it changes a class or function, not an object")

    def _read_array(self, wrapper: Made) -> None:
        """Do what joblib does when it meets a wrapper: the array stands here, in the stream."""
        if not self._with_arrays:
            return
        if self._stream.tell() < self._frame_end:
            # The unpickler holds the rest of the frame, and would take the array from behind it.
            raise UnreadableError("an array stands inside a frame")
        self._scan.joblib = True
        try:
            size = array_bytes(wrapper.state, self._stream)
        except ValueError as error:
            raise UnreadableError(str(error)) from error
        if size is None:
            Machine(self._stream, self._scan, with_arrays=False).run()  # by pickle.load
        elif len(self._stream.read(size)) != size:
            raise UnreadableError("it ends inside an array")
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
        for maker, state in self._callers:  # what the state holds may have grown since
            self._check_caller(maker, state)

    def _check_caller(self, maker: Global, state: Any) -> None:
        if why := strange_attribute(maker, state):
            self._refuse(str(maker), why, (maker.module, maker.name))

    def _check(self, found: Global, use: Use) -> None:
        if not is_allowed(found.module, found.name, use, torch=self._torch):
            self._outside(found)

    def _outside(self, found: Global) -> None:
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
