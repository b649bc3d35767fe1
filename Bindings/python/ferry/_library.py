# SPDX-License-Identifier: Apache-2.0
"""libFerryC: where it is, what its functions take, and its errors as exceptions."""

import ctypes
import os
import pathlib
import sys

_MEMBER_BYTES = 32


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


class NoFit(Error):
    """The result has another number of elements than its place; ``call`` has it still."""

    call = None


class NotConverged(Error):
    """A solver came to its limit first; ``best`` is the state that it reached, where there is one."""

    best = None


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
        ("releases_memory", ctypes.c_bool),
    ]


class _Member(ctypes.Structure):
    _fields_ = [("id", ctypes.c_uint8 * _MEMBER_BYTES)]


class _Layout(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("dimensions", ctypes.c_size_t),
        ("shape", ctypes.POINTER(ctypes.c_size_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)),
    ]


class _Part(ctypes.Structure):
    _fields_ = [("member", _Member), ("count", ctypes.c_size_t)]


class _Operation(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("kind", ctypes.c_uint32),
        ("element", ctypes.c_uint32),
        ("reduction", ctypes.c_uint32),
        ("algorithm", ctypes.c_uint32),
        ("codec", ctypes.c_uint32),
        ("has_weight", ctypes.c_bool),
        ("lends", ctypes.c_bool),
        ("weight", ctypes.c_double),
        ("tag", ctypes.c_uint64),
        ("values", ctypes.c_void_p),
        ("count", ctypes.c_size_t),
        ("layout", ctypes.POINTER(_Layout)),
        ("result", ctypes.c_void_p),
        ("result_count", ctypes.c_size_t),
        ("result_layout", ctypes.POINTER(_Layout)),
        ("members", ctypes.POINTER(_Member)),
        ("member_count", ctypes.c_size_t),
        ("peer", ctypes.POINTER(_Member)),
        ("parts", ctypes.POINTER(_Part)),
        ("part_count", ctypes.c_size_t),
    ]


class _Contributor(ctypes.Structure):
    _fields_ = [
        ("member", _Member), ("weight", ctypes.c_double), ("count", ctypes.c_size_t)]


class _Result(ctypes.Structure):
    _fields_ = [
        ("number", ctypes.c_uint64),
        ("count", ctypes.c_size_t),
        ("contributors", ctypes.POINTER(_Contributor)),
        ("contributor_count", ctypes.c_size_t),
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
    8: Mismatch, 9: NoFit, 10: NotConverged,
}


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
        "list_members": [
            pointer, ctypes.POINTER(_Member), count, ctypes.POINTER(count)],
        "self": [pointer, ctypes.POINTER(_Member)],
        "pack": [pointer, ctypes.POINTER(_Layout), ctypes.c_uint32, pointer],
        "unpack": [pointer, ctypes.POINTER(_Layout), ctypes.c_uint32, pointer],
        "start": [pointer, ctypes.POINTER(_Operation), seconds, ctypes.POINTER(pointer)],
        "outcome": [pointer, ctypes.POINTER(_Result)],
        "set_place": [pointer, pointer, count, ctypes.POINTER(_Layout)],
        "is_finished": [pointer],
        "cancel": [pointer],
        "await": [pointer, ctypes.POINTER(_Round)],
        "all_reduce": [pointer, floats, count, seconds, seconds, ctypes.POINTER(_Round)],
        "set_state": [pointer, text, floats, count],
        "state": [pointer, text, floats, count],
        "reload": [pointer, seconds],
        "address": [pointer, text, count],
        "leave": [pointer, seconds],
        "round_number": [pointer],
        "free": [pointer],
        "last_error": [],
    }.items():
        getattr(library, f"ferry_{function}").argtypes = arguments
    library.ferry_round_number.restype = ctypes.c_uint64
    library.ferry_is_finished.restype = ctypes.c_bool
    library.ferry_cancel.restype = None
    library.ferry_free.restype = None
    library.ferry_last_error.restype = text
    return library


_library = _load()
def _call(function, *arguments):
    status = getattr(_library, f"ferry_{function}")(*arguments)
    if status:
        message = _library.ferry_last_error().decode()
        raise _ERRORS.get(status, Error)(message)


def _choice(name, value, values):
    if value not in values:
        raise ValueError(f"{name} must be one of {', '.join(values)}, got {value!r}")
    return values.index(value)
