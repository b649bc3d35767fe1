# SPDX-License-Identifier: Apache-2.0
"""Sums over a group of processes that come and go, over links that may break.

One process founds a group, others join it at any time, any of them may be killed, and the rest go
on. All members call ``all_reduce`` equally often: each call is one round, and after it all members
hold the same bits::

    group = ferry.Group.found("sums", secret=ferry.new_secret())   # or Group.join("sums", …)
    round = group.all_reduce(gradient)                             # in place
    print(round.number, round.contributors)

Vectors are contiguous 32-bit floats in this machine's memory, in whatever offers them: a numpy array,
a torch CPU tensor, an ``array.array("f")``, anything with a buffer or with DLPack. They are read and
written where they lie; neither numpy nor torch is needed, and none is imported.
Every call that waits has a limit in seconds. Errors are ``ferry.Error`` and say what to do.
"""

import ctypes
import os
import pathlib
import sys
from typing import NamedTuple

from ferry._memory import elements as _elements
from ferry._memory import floats as _floats

__all__ = [
    "Group", "Call", "Round", "Cancelled", "Mismatch", "Error", "Deadline", "Evicted", "Stopped", "Refused", "from_environment",
    "new_secret",
]

_API = (0, 1)


class Error(Exception):
    """What happened, where, and what to do."""


class Deadline(Error):
    """The time was over; the round goes on, and the next call returns its result."""


class Evicted(Error):
    """The others went on without this peer: call ``reload``, and go on from the group's state."""


class Stopped(Error):
    """This peer has left its group."""


class Refused(Error):
    """The other side refuses this peer, or the address cannot be listened on."""


class Cancelled(Error):
    """The call was cancelled, here or by another member."""


class Mismatch(Error):
    """The members made different calls."""


class Round(NamedTuple):
    """What came of a round."""

    number: int
    contributors: int
    weight: float


class _Options(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("run", ctypes.c_char_p),
        ("secret", ctypes.c_char_p),
        ("listen", ctypes.c_char_p),
        ("members_min", ctypes.c_uint32),
        ("operation", ctypes.c_uint32),
        ("codec", ctypes.c_uint32),
        ("clear", ctypes.c_bool),
    ]


class _Reduce(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("values", ctypes.c_void_p),
        ("count", ctypes.c_size_t),
        ("element", ctypes.c_uint32),
        ("reduction", ctypes.c_uint32),
        ("tag", ctypes.c_uint64),
        ("weight", ctypes.c_double),
        ("codec", ctypes.c_uint32),
    ]


class _Launched(ctypes.Structure):
    _fields_ = [("rank", ctypes.c_uint32), ("size", ctypes.c_uint32)]


class _Round(ctypes.Structure):
    _fields_ = [
        ("number", ctypes.c_uint64),
        ("contributors", ctypes.c_uint32),
        ("weight", ctypes.c_double),
    ]


_ERRORS = {
    1: ValueError, 2: Deadline, 3: Evicted, 4: Stopped, 5: Refused, 6: Error, 7: Cancelled,
    8: Mismatch,
}
_OPERATIONS = ["mean", "sum"]
_REDUCTIONS = ["sum", "mean", "product", "min", "max"]
_CODECS = ["f32", "bf16", "int8"]
_TEXT = 512


def _load():
    name = "libFerryC.dylib" if sys.platform == "darwin" else "libFerryC.so"
    here = pathlib.Path(__file__).resolve()
    places = [here.parent / name]
    if len(here.parents) > 3:
        # In a checkout: what `swift build -c release` made.
        places.append(here.parents[3] / ".build" / "release" / name)
    if os.environ.get("FERRY_LIBRARY"):
        places = [pathlib.Path(os.environ["FERRY_LIBRARY"])]
    for place in places:
        if place.exists():
            library = ctypes.CDLL(str(place))
            library.place = str(place)
            break
    else:
        raise ImportError(
            f"ferry: {name} is not at {' or '.join(map(str, places))}. "
            "Install the wheel that `make wheel` builds, or name the library in FERRY_LIBRARY."
        )
    pointer, text, seconds = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_double
    floats, count = ctypes.c_void_p, ctypes.c_size_t
    for function, arguments in {
        "new_secret": [text, count],
        "found": [ctypes.POINTER(_Options), ctypes.POINTER(pointer)],
        "join": [ctypes.POINTER(_Options), text, seconds, ctypes.POINTER(pointer)],
        "from_environment": [
            ctypes.POINTER(_Options), seconds, ctypes.POINTER(pointer), ctypes.POINTER(_Launched)],
        "start_all_reduce": [
            pointer, ctypes.POINTER(_Reduce), seconds, ctypes.POINTER(pointer)],
        "is_finished": [pointer],
        "cancel": [pointer],
        "await": [pointer, ctypes.POINTER(_Round)],
        "all_reduce": [pointer, floats, count, seconds, seconds, ctypes.POINTER(_Round)],
        "set_state": [pointer, text, floats, count],
        "state": [pointer, text, floats, count],
        "reload": [pointer, seconds],
        "address": [pointer, text, count],
        "leave": [pointer, seconds],
        "members": [pointer],
        "round_number": [pointer],
        "free": [pointer],
        "last_error": [],
    }.items():
        getattr(library, f"ferry_{function}").argtypes = arguments
    library.ferry_members.restype = ctypes.c_uint32
    library.ferry_round_number.restype = ctypes.c_uint64
    library.ferry_is_finished.restype = ctypes.c_bool
    library.ferry_cancel.restype = None
    library.ferry_free.restype = None
    library.ferry_last_error.restype = text
    return library


_library = _load()
#: Where the library that does the work was found.
library = _library.place


def _call(function, *arguments):
    status = getattr(_library, f"ferry_{function}")(*arguments)
    if status:
        message = _library.ferry_last_error().decode()
        raise _ERRORS.get(status, Error)(message)


def new_secret():
    """A fresh secret: whoever has it may join."""
    text = ctypes.create_string_buffer(_TEXT)
    _call("new_secret", text, _TEXT)
    return text.value.decode()


def _choice(name, value, values):
    if value not in values:
        raise ValueError(f"{name} must be one of {', '.join(values)}, got {value!r}")
    return values.index(value)


class Call:
    """An operation under way. Its values are the library's until ``wait`` returned."""

    def __init__(self, pointer, keep):
        self._pointer, self._keep, self._round = pointer, keep, None

    @property
    def is_finished(self):
        """Whether ``wait`` would return at once."""
        return self._pointer is None or _library.ferry_is_finished(self._pointer)

    def cancel(self):
        """Ends the wait at once, here and for those who wait for this peer's part."""
        if self._pointer is not None:
            _library.ferry_cancel(self._pointer)

    def wait(self):
        """Waits, and writes the result over the values; on an error they are as they were."""
        if self._pointer is not None:
            pointer, self._pointer = self._pointer, None
            round = _Round()
            try:
                _call("await", pointer, ctypes.byref(round))
            finally:
                self._keep = None
            self._round = Round(round.number, round.contributors, round.weight)
        return self._round

    def __del__(self):
        if self._pointer is not None:
            # Nobody will look at the result, and the memory may go.
            self.cancel()
            _library.ferry_await(self._pointer, None)


class Group:
    """This process's place in a group. Use ``found`` or ``join``; ``with`` leaves at the end."""

    #: What a launcher told this process; None unless the group is ``from_environment``.
    rank = size = None

    def __init__(self, pointer):
        self._pointer = pointer

    @staticmethod
    def _options(run, secret, listen, members, operation, codec, encrypted):
        return _Options(
            ctypes.sizeof(_Options),
            run.encode(),
            secret.encode(),
            listen.encode() if listen else None,
            members,
            _choice("operation", operation, _OPERATIONS),
            _choice("codec", codec, _CODECS),
            not encrypted,
        )

    @classmethod
    def found(
        cls, run, secret, *, listen=None, members=1, operation="mean", codec="f32", encrypted=True
    ):
        """Makes this process a group of one; the first round waits for ``members``."""
        options = cls._options(run, secret, listen, members, operation, codec, encrypted)
        pointer = ctypes.c_void_p()
        _call("found", ctypes.byref(options), ctypes.byref(pointer))
        return cls(pointer)

    @classmethod
    def join(
        cls, run, secret, address, *, seconds=60.0, listen=None, members=1, operation="mean",
        codec="f32", encrypted=True,
    ):
        """Asks the peer at ``host:port``; returns as a member, with the group's state in hand."""
        options = cls._options(run, secret, listen, members, operation, codec, encrypted)
        pointer = ctypes.c_void_p()
        _call(
            "join", ctypes.byref(options), address.encode(), seconds, ctypes.byref(pointer))
        return cls(pointer)

    @classmethod
    def from_environment(
        cls, run, *, seconds=60.0, operation="mean", codec="f32", encrypted=True
    ):
        """Founds or joins, as torchrun, mpirun or Slurm told this process: rank 0 founds.

        The first round waits for all processes; ``FERRY_SECRET`` has the secret. ``rank`` and
        ``size`` of the group are the launcher's.
        """
        options = cls._options(run, "", None, 1, operation, codec, encrypted)
        pointer, launched = ctypes.c_void_p(), _Launched()
        _call(
            "from_environment", ctypes.byref(options), seconds, ctypes.byref(pointer),
            ctypes.byref(launched))
        group = cls(pointer)
        group.rank, group.size = launched.rank, launched.size
        return group

    def all_reduce(self, values, *, weight=1.0, seconds=60.0):
        """The weighted mean (or sum) of all members' values, in place."""
        place, count, _keep = _floats(values, writable=True)
        round = _Round()
        _call("all_reduce", self._pointer, place, count, weight, seconds, ctypes.byref(round))
        return Round(round.number, round.contributors, round.weight)

    def start(
        self, values, *, tag=0, reduction="mean", weight=1.0, codec="f32", seconds=60.0
    ):
        """Begins an all-reduce beside the rounds and returns at once: ``Call.wait`` ends it.

        Values of any element type; several at once have different tags. Calls with one tag belong
        together in the order in which each member makes them.
        """
        place, count, element, keep = _elements(values, writable=True)
        reduce = _Reduce(
            ctypes.sizeof(_Reduce), place, count, element,
            _choice("reduction", reduction, _REDUCTIONS), tag, weight,
            _choice("codec", codec, _CODECS))
        pointer = ctypes.c_void_p()
        _call(
            "start_all_reduce", self._pointer, ctypes.byref(reduce), seconds,
            ctypes.byref(pointer))
        return Call(pointer, (values, keep))

    def set_state(self, name, values):
        """Names values that all hold alike after the round before: newcomers get them."""
        place, count, _keep = _floats(values, writable=False)
        _call("set_state", self._pointer, name.encode(), place, count)

    def read_state(self, name, into):
        """Copies what this peer was given when it joined or reloaded over ``into``."""
        place, count, _keep = _floats(into, writable=True)
        _call("state", self._pointer, name.encode(), place, count)

    def reload(self, *, seconds=60.0):
        """After ``Evicted``: waits until this peer is a member again."""
        _call("reload", self._pointer, seconds)

    @property
    def members(self):
        """How many members there are; 0 while this peer is not one."""
        return _library.ferry_members(self._pointer)

    @property
    def round(self):
        """The number of the last round that this peer holds."""
        return _library.ferry_round_number(self._pointer)

    @property
    def address(self):
        """``host:port`` where this peer listens."""
        text = ctypes.create_string_buffer(_TEXT)
        _call("address", self._pointer, text, _TEXT)
        return text.value.decode()

    def leave(self, *, seconds=60.0):
        """Leaves once the others have agreed to go on without this peer."""
        _call("leave", self._pointer, seconds)

    def close(self):
        """Ends the links at once; the others see this peer as lost."""
        if self._pointer:
            _library.ferry_free(self._pointer)
            self._pointer = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self.leave()
        finally:
            self.close()

    def __del__(self):
        self.close()


#: Founds or joins, as a launcher told this process: ``Group.from_environment``.
from_environment = Group.from_environment
