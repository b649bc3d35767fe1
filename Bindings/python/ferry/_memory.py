# SPDX-License-Identifier: Apache-2.0
"""Where an array's floats lie, by the buffer protocol or by DLPack: no copy, and no array library."""

import ctypes

_NUMPY = "with numpy: numpy.ascontiguousarray(values, dtype=numpy.float32)"
_TORCH = "with torch: values.detach().to('cpu', torch.float32).contiguous()"
# Of DLPack: memory that this processor reads and writes.
_HOST_DEVICES = (1, 3)
_READ_ONLY = 1


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


#: Formats of the buffer protocol; DLPack's (code, bits); the library's numbers.
_ELEMENTS = [
    ("f", (2, 32), 1), ("d", (2, 64), 2), ("e", (2, 16), 3), (None, (4, 16), 4),
    ("b", (0, 8), 5), ("h", (0, 16), 6), ("i", (0, 32), 7), ("q", (0, 64), 8),
    ("B", (1, 8), 9), ("H", (1, 16), 10), ("I", (1, 32), 11), ("Q", (1, 64), 12),
    ("l", None, 8 if ctypes.sizeof(ctypes.c_long) == 8 else 7),
    ("L", None, 12 if ctypes.sizeof(ctypes.c_long) == 8 else 11),
]


def floats(values, writable):
    """The address, the count, and what has to be kept alive while they are used."""
    place, count, element, keep = elements(values, writable, only=1)
    return place, count, keep


def elements(values, writable, only=None):
    """As ``floats``, of any type: its number is the third of four."""
    if hasattr(values, "__dlpack__") and not _has_buffer(values):
        return _by_dlpack(values, writable, only)
    try:
        view = memoryview(values)
    except TypeError:
        raise ValueError(
            f"values must be an array of 32-bit floats, got {type(values).__name__}; "
            "lists have no memory of floats: array.array('f', values)"
        ) from None
    kinds = {format: number for format, _, number in _ELEMENTS if format}
    element = kinds.get(view.format.lstrip("<=@"))
    if element is None or only not in (None, element) or not view.c_contiguous:
        wanted = "32-bit floats" if only else "numbers"
        raise ValueError(
            f"values must be contiguous {wanted}, got format {view.format!r}; {_NUMPY}"
        )
    if writable and view.readonly:
        raise ValueError("values are read-only, and the result is written over them")
    count = view.nbytes // view.itemsize
    if count == 0:
        return None, 0, element, view
    memory = ctypes.c_uint8 * view.nbytes
    if view.readonly:
        copy = memory.from_buffer_copy(view)
        return ctypes.addressof(copy), count, element, copy
    block = memory.from_buffer(view.cast("B") if view.ndim else view)
    return ctypes.addressof(block), count, element, block


def _has_buffer(values):
    try:
        memoryview(values)
    except Exception:
        return False
    return True


def _by_dlpack(values, writable, only):
    kind = type(values).__name__
    device = values.__dlpack_device__()[0]
    if int(device) not in _HOST_DEVICES:
        raise ValueError(
            f"values must lie in this machine's memory, got a {kind} on DLPack device {int(device)}"
            f"; {_TORCH}"
        )
    try:
        try:
            capsule = values.__dlpack__(max_version=(1, 0))
        except TypeError:
            capsule = values.__dlpack__()
    except (BufferError, RuntimeError, ValueError) as error:
        raise ValueError(f"values cannot be shared: {error}; {_TORCH}") from None
    # Not consumed: the capsule keeps its name, and gives the tensor back when it goes.
    if _is_valid(capsule, b"dltensor_versioned"):
        versioned = _Versioned.from_address(_pointer(capsule, b"dltensor_versioned"))
        tensor, read_only = versioned.tensor, versioned.flags & _READ_ONLY
    else:
        tensor, read_only = _Tensor.from_address(_pointer(capsule, b"dltensor")), False
    dtype = tensor.dtype
    kinds = {kind: number for _, kind, number in _ELEMENTS if kind}
    element = kinds.get((dtype.code, dtype.bits)) if dtype.lanes == 1 else None
    if element is None or only not in (None, element):
        wanted = "32-bit floats" if only else "numbers"
        raise ValueError(
            f"values must be {wanted}, got DLPack type {dtype.code} of {dtype.bits} bits; {_TORCH}"
        )
    if writable and read_only:
        raise ValueError("values are read-only, and the result is written over them")
    shape = [tensor.shape[i] for i in range(tensor.dimensions)]
    count = 1
    for i in reversed(range(tensor.dimensions)):
        if tensor.strides and shape[i] > 1 and tensor.strides[i] != count:
            raise ValueError(f"values must be contiguous, got a {kind} with gaps; {_TORCH}")
        count *= shape[i]
    if count == 0:
        return None, 0, element, capsule
    return tensor.data + tensor.byte_offset, count, element, capsule
