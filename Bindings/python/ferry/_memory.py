# SPDX-License-Identifier: Apache-2.0
"""Where an array's elements lie, by the buffer protocol or by DLPack: no copy, and no array library."""

import array as arrays
import contextlib
import ctypes
import sys

from ferry._library import _call, _Layout

_NUMPY = "with numpy: numpy.asarray(values, dtype=numpy.float32)"
_TORCH = "with torch: values.detach().to('cpu', torch.float32)"
# Of DLPack: memory that this processor reads and writes.
_HOST_DEVICES = (1, 3)
_READ_ONLY = 1


class _Buffer(ctypes.Structure):
    """What the buffer protocol fills in: with strides, and without suboffsets."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("object", ctypes.c_void_p),
        ("bytes", ctypes.c_ssize_t),
        ("width", ctypes.c_ssize_t),
        ("read_only", ctypes.c_int),
        ("dimensions", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)),
        ("suboffsets", ctypes.POINTER(ctypes.c_ssize_t)),
        ("internal", ctypes.c_void_p),
    ]


_STRIDES_AND_FORMAT = 0x1C
_get_buffer = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes = [ctypes.py_object, ctypes.POINTER(_Buffer), ctypes.c_int]
_release_buffer = ctypes.pythonapi.PyBuffer_Release
_release_buffer.argtypes = [ctypes.POINTER(_Buffer)]
_release_buffer.restype = None


class _Device(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int32), ("number", ctypes.c_int32)]


class _DataType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class _Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", _Device),
        ("dimensions", ctypes.c_int32),
        ("dtype", _DataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class _Versioned(ctypes.Structure):
    """DLPack from version 1.0 on; before, the tensor alone stood at the capsule's pointer."""

    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", _Tensor),
    ]


_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype = ctypes.c_void_p
_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
_is_valid = ctypes.pythonapi.PyCapsule_IsValid
_is_valid.restype = ctypes.c_int
_is_valid.argtypes = [ctypes.py_object, ctypes.c_char_p]


#: Formats of the buffer protocol; DLPack's (code, bits); the library's numbers; bytes.
_ELEMENTS = [
    ("f", (2, 32), 1, 4), ("d", (2, 64), 2, 8), ("e", (2, 16), 3, 2), (None, (4, 16), 4, 2),
    ("b", (0, 8), 5, 1), ("h", (0, 16), 6, 2), ("i", (0, 32), 7, 4), ("q", (0, 64), 8, 8),
    ("B", (1, 8), 9, 1), ("H", (1, 16), 10, 2), ("I", (1, 32), 11, 4), ("Q", (1, 64), 12, 8),
    ("?", (6, 8), 13, 1),
    ("l", None, *((8, 8) if ctypes.sizeof(ctypes.c_long) == 8 else (7, 4))),
    ("L", None, *((12, 8) if ctypes.sizeof(ctypes.c_long) == 8 else (11, 4))),
]
_FORMATS = {format: number for format, _, number, _ in _ELEMENTS if format}
_KINDS = {kind: number for _, kind, number, _ in _ELEMENTS if kind}
_WIDTHS = {number: width for _, _, number, width in _ELEMENTS}


class Place:
    """Elements in memory, for as long as this object lives; None is a place of none.

    ``address`` and ``count`` say where and how many, ``element`` is the library's number of their type,
    and ``layout`` how they lie apart; None where they lie one after another.
    """

    def __init__(self, array, *, writable=False, only=None):
        self.array, self.layout, self._buffer = array, None, None
        wanted = "32-bit floats" if only else "numbers"
        if array is None:
            self.address, self.count, self.element = None, 0, 1
            return
        if isinstance(array, Joined):
            self.address, self.count, self.element = array.address, array.count, array.element
            return
        if hasattr(array, "__dlpack__") and not _has_buffer(array):
            shape, strides = self._by_dlpack(writable, wanted)
        else:
            shape, strides = self._by_buffer(writable, wanted)
        if only and self.element != 1:
            raise ValueError(f"values must be 32-bit floats, got {self._kind}; {_NUMPY}")
        self.count, expected, is_apart = 1, 1, False
        for size, stride in zip(reversed(shape), reversed(strides or [])):
            is_apart = is_apart or (size > 1 and stride != expected)
            expected *= size
        for size in shape:
            self.count *= size
        if self.count == 0:
            self.address = None
        elif is_apart:
            rank = len(shape)
            self._sizes = (ctypes.c_size_t * rank)(*shape), (ctypes.c_ssize_t * rank)(*strides)
            self.layout = ctypes.pointer(_Layout(
                ctypes.sizeof(_Layout), rank,
                ctypes.cast(self._sizes[0], ctypes.POINTER(ctypes.c_size_t)),
                ctypes.cast(self._sizes[1], ctypes.POINTER(ctypes.c_ssize_t))))

    def __del__(self):
        if self._buffer is not None:
            _release_buffer(ctypes.byref(self._buffer))

    @contextlib.contextmanager
    def packed(self):
        """The elements side by side: they themselves, or a copy that is written back at the end."""
        if self.layout is None:
            yield self
            return
        copy = Joined([self])
        yield Place(copy)
        if self._is_writable:
            _call("unpack", copy.address, self.layout, self.element, self.address)

    def copy_to(self, address):
        """Copies the elements to memory that has room for them, one after another."""
        if self.layout is not None:
            _call("pack", self.address, self.layout, self.element, address)
        elif self.count:
            ctypes.memmove(address, self.address, self.count * _WIDTHS[self.element])

    def _by_buffer(self, writable, wanted):
        kind = type(self.array).__name__
        view = _Buffer()
        try:
            _get_buffer(self.array, ctypes.byref(view), _STRIDES_AND_FORMAT)
        except Exception:
            raise ValueError(
                f"values must be an array of {wanted}, got {kind}; "
                "lists have no memory of floats: array.array('f', values)"
            ) from None
        self._buffer = view
        format = (view.format or b"B").decode()
        self._kind, self._is_writable = f"format {format!r}", writable
        element = _FORMATS.get(format.lstrip("<=@"))
        if element is None:
            raise ValueError(f"values must be {wanted}, got {self._kind}; {_NUMPY}")
        if writable and view.read_only:
            raise ValueError("values are read-only, and the result is written over them")
        self.element, self.address = element, view.data
        strides = view.strides[: view.dimensions] if view.dimensions else []
        if any(stride % view.width for stride in strides):
            raise ValueError(f"values must be whole {wanted} apart, got strides of {strides} bytes")
        return view.shape[: view.dimensions] if view.dimensions else [], [
            stride // view.width for stride in strides]

    def _by_dlpack(self, writable, wanted):
        kind = type(self.array).__name__
        device = self.array.__dlpack_device__()[0]
        if int(device) not in _HOST_DEVICES:
            raise ValueError(
                f"values must lie in this machine's memory, got a {kind} on DLPack device "
                f"{int(device)}; {_TORCH}"
            )
        try:
            try:
                capsule = self.array.__dlpack__(max_version=(1, 0))
            except TypeError:
                capsule = self.array.__dlpack__()
        except (BufferError, RuntimeError, ValueError) as error:
            raise ValueError(f"values cannot be shared: {error}; {_TORCH}") from None
        # Not consumed: the capsule keeps its name, and gives the tensor back when it goes.
        self._capsule = capsule
        if _is_valid(capsule, b"dltensor_versioned"):
            versioned = _Versioned.from_address(_pointer(capsule, b"dltensor_versioned"))
            tensor, read_only = versioned.tensor, versioned.flags & _READ_ONLY
        else:
            tensor, read_only = _Tensor.from_address(_pointer(capsule, b"dltensor")), False
        dtype = tensor.dtype
        self._kind = f"DLPack type {dtype.code} of {dtype.bits} bits"
        self._is_writable = writable
        element = _KINDS.get((dtype.code, dtype.bits)) if dtype.lanes == 1 else None
        if element is None:
            raise ValueError(f"values must be {wanted}, got {self._kind}; {_TORCH}")
        if writable and read_only:
            raise ValueError("values are read-only, and the result is written over them")
        self.element, self.address = element, tensor.data + tensor.byte_offset if tensor.data else None
        shape = tensor.shape[: tensor.dimensions] if tensor.dimensions else []
        strides = tensor.strides[: tensor.dimensions] if tensor.strides else None
        return shape, strides


class Joined:
    """Copies of several arrays' elements, one array's after the other's; all of one type."""

    def __init__(self, parts):
        places = [part if isinstance(part, Place) else Place(part) for part in parts]
        self.element = places[0].element
        if any(place.element != self.element for place in places):
            raise ValueError("parts have elements of more than one type")
        self.count = sum(place.count for place in places)
        width = _WIDTHS[self.element]
        self._memory = (ctypes.c_uint8 * max(1, self.count * width))()
        self.address = ctypes.addressof(self._memory)
        #: What a result that is made of them is to be like.
        self.like = places[0].array
        at = self.address
        for place in places:
            place.copy_to(at)
            at += place.count * width


def array_like(values, count):
    """A new array of one dimension: of numpy, of torch, or else of the standard library."""
    values = values.like if isinstance(values, Joined) else values
    home = type(values).__module__.partition(".")[0]
    if home in ("numpy", "torch"):
        return sys.modules[home].empty(count, dtype=values.dtype)
    place = Place(values)
    format = next((f for f, _, number, _ in _ELEMENTS if number == place.element), None) or "H"
    memory = bytearray(count * _WIDTHS[place.element])
    if format in arrays.typecodes:
        return arrays.array(format, memory)
    return memoryview(memory).cast(format)


def _has_buffer(values):
    try:
        memoryview(values)
    except Exception:
        return False
    return True
