#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes Tests/Golden/Tensors: files by NumPy and safetensors that FerryTensors must read alike.

Needs numpy and safetensors from PyPI; run from anywhere. `index.json` says what is in each file, as
hexadecimal bytes in C order, and which versions wrote it. Rounding is in `rounding.json`: float
bit patterns and what NumPy makes of them as binary16.
"""
import json
import pathlib

import numpy as np
import safetensors

SEED = 20260101
OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Golden" / "Tensors"
TYPES = {
    "F32": "<f4", "F64": "<f8", "F16": "<f2", "I8": "|i1", "I16": "<i2", "I32": "<i4",
    "I64": "<i8", "U8": "|u1", "U16": "<u2", "U32": "<u4", "U64": "<u8", "BOOL": "|b1",
}
NAMES = {
    "F32": "float32", "F64": "float64", "F16": "float16", "BF16": "bfloat16", "I8": "int8",
    "I16": "int16", "I32": "int32", "I64": "int64", "U8": "uint8", "U16": "uint16",
    "U32": "uint32", "U64": "uint64", "BOOL": "bool",
}


def sample(rng, kind, shape):
    dtype = np.dtype(TYPES[kind])
    if kind == "BOOL":
        return rng.integers(0, 2, shape).astype(dtype)
    if dtype.kind == "f":
        return (rng.standard_normal(shape) * 10).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


def describe(name, kind, shape, data):
    return {"name": name, "type": kind, "shape": list(shape), "bytes": data.hex()}


def save_safetensors(file, tensors, metadata):
    """`tensors`: name -> (kind, shape, bytes)."""
    try:
        from safetensors._safetensors_rust import TensorSpec  # safetensors 0.7 and later

        keep = {n: np.frombuffer(b, dtype=np.uint8) for n, (_, _, b) in tensors.items()}
        specs = {
            n: TensorSpec(dtype=NAMES[k], shape=list(s), data_ptr=keep[n].ctypes.data,
                          data_len=len(b))
            for n, (k, s, b) in tensors.items()
        }
        blob = safetensors.serialize(specs, metadata)
    except ImportError:
        blob = safetensors.serialize(
            {n: {"dtype": NAMES[k], "shape": list(s), "data": b}
             for n, (k, s, b) in tensors.items()}, metadata)
    (OUT / file).write_bytes(blob)
    return [describe(n, k, s, b) for n, (k, s, b) in tensors.items()]


def main():
    rng = np.random.default_rng(SEED)
    OUT.mkdir(parents=True, exist_ok=True)
    index = {"seed": SEED, "numpy": np.__version__, "safetensors": safetensors.__version__,
             "safetensorsFiles": {}, "npyFiles": {}}

    every = {}
    for kind in TYPES:
        array = sample(rng, kind, (2, 3))
        every[f"of {kind}"] = (kind, array.shape, array.tobytes())
    every["of BF16"] = ("BF16", (4,), bytes.fromhex("803f00c07f7f0000"))
    every["scalar"] = ("F32", (), np.float32(1.5).tobytes())
    every["empty"] = ("I32", (0, 5), b"")
    index["safetensorsFiles"]["every-type.safetensors"] = save_safetensors(
        "every-type.safetensors", every, {"format": "pt", "note": "a \"quoted\" ä\n"})

    model = {}
    for name, shape in [("wte.weight", (4, 3)), ("blocks.0.attn.b", (3,)), ("ln.g", (3,))]:
        model[name] = ("F32", shape, sample(rng, "F32", shape).tobytes())
    model["naïve \"name\"\t\\"] = ("F32", (1,), sample(rng, "F32", (1,)).tobytes())
    index["safetensorsFiles"]["floats.safetensors"] = save_safetensors(
        "floats.safetensors", model, {"format": "ferry"})

    for kind in TYPES:
        array = sample(rng, kind, (3, 2))
        file = f"{kind.lower()}.npy"
        np.save(OUT / file, array)
        index["npyFiles"][file] = describe(file, kind, array.shape, array.tobytes())
    for file, array in {
        "scalar.npy": np.float32(2.5),
        "vector.npy": np.arange(5, dtype="<f4"),
        "empty.npy": np.zeros((0, 3), dtype="<f4"),
        "fortran.npy": np.asfortranarray(np.arange(6, dtype="<i4").reshape(2, 3)),
        "fortran-deep.npy": np.asfortranarray(np.arange(24, dtype="<i2").reshape(2, 3, 4)),
    }.items():
        np.save(OUT / file, array)
        kind = next(k for k, t in TYPES.items() if np.dtype(t) == array.dtype)
        index["npyFiles"][file] = describe(
            file, kind, array.shape, np.ascontiguousarray(array).tobytes())
    array = np.arange(4, dtype="<f4")
    with open(OUT / "version-2.npy", "wb") as target:
        np.lib.format.write_array(target, array, version=(2, 0))
    index["npyFiles"]["version-2.npy"] = describe("version-2.npy", "F32", (4,), array.tobytes())
    np.save(OUT / "big-endian.npy", np.arange(3, dtype=">f4"))
    np.save(OUT / "complex.npy", np.zeros(2, dtype="<c8"))
    (OUT / "index.json").write_text(json.dumps(index, indent=1, ensure_ascii=True) + "\n")

    bits = rng.integers(0, 2**32, 300, dtype=np.uint32)
    near = rng.integers(0x33000000, 0x47900000, 300, dtype=np.uint32) & np.uint32(0xFFFFF000)
    bits = np.concatenate([bits, near, near | np.uint32(0x80000000)])
    bits = bits[~np.isnan(bits.view(np.float32))]
    with np.errstate(over="ignore"):
        halves = bits.view(np.float32).astype(np.float16).view(np.uint16)
    (OUT / "rounding.json").write_text(
        json.dumps({"seed": SEED, "numpy": np.__version__, "float": bits.tolist(),
                    "half": halves.tolist()}) + "\n")


if __name__ == "__main__":
    main()
