# SPDX-License-Identifier: Apache-2.0
"""PCCL through its C interface: `pccl_member.py CONNECTIONS`, or `master`. PCCL_LIBRARY names it.

With several connections the vector goes as so many all-reduces at once, as its manual advises.
"""

import ctypes
import ipaddress
import os
import sys
import time

import member

SUCCESS, FLOAT, SUM, GLOBAL_WORLD = 0, 10, 0, 1


class Address(ctypes.Structure):
    _fields_ = [("protocol", ctypes.c_int), ("ipv4", ctypes.c_uint8 * 4),
                ("ipv6", ctypes.c_uint8 * 16), ("port", ctypes.c_uint16)]


class Parameters(ctypes.Structure):
    _fields_ = [("master", Address), ("group", ctypes.c_uint32), ("connections", ctypes.c_uint32)]


class Descriptor(ctypes.Structure):
    _fields_ = [("count", ctypes.c_size_t), ("operation", ctypes.c_int), ("tag", ctypes.c_uint64),
                ("type", ctypes.c_int), ("hint", ctypes.c_int),
                ("quantized", ctypes.c_int), ("quantization", ctypes.c_int)]


class Part(ctypes.Structure):
    _fields_ = [("source", ctypes.c_void_p), ("target", ctypes.c_void_p), ("of", Descriptor)]


class Info(ctypes.Structure):
    _fields_ = [("world", ctypes.c_uint32), ("sent", ctypes.c_uint64), ("received", ctypes.c_uint64)]


def call(library, name, *arguments):
    result = getattr(library, name)(*arguments)
    if result != SUCCESS:
        raise RuntimeError(f"{name} gave {result}")


def address(text):
    host, port = text.rsplit(":", 1)
    bytes_ = (ctypes.c_uint8 * 4)(*ipaddress.IPv4Address(host).packed)
    return Address(0, bytes_, (ctypes.c_uint8 * 16)(), int(port))


def run_master(library):
    instance = ctypes.c_void_p()
    call(library, "pcclCreateMaster", address(os.environ["BENCH_MASTER"]), ctypes.byref(instance))
    call(library, "pcclRunMaster", instance)
    sys.stdin.read()


def main():
    library = ctypes.CDLL(os.environ["PCCL_LIBRARY"])
    library.pcclCreateMaster.argtypes = [Address, ctypes.c_void_p]
    call(library, "pcclInit")
    if sys.argv[1] == "master":
        return run_master(library)
    connections = int(sys.argv[1])
    driver = member.Driver()
    communicator, count = ctypes.c_void_p(), ctypes.c_int()

    def connect():
        parameters = Parameters(address(os.environ["BENCH_MASTER"]), 0, connections)
        end = time.monotonic() + member.WAIT_SECONDS_MAX
        while True:
            call(library, "pcclCreateCommunicator", ctypes.byref(parameters),
                 ctypes.byref(communicator))
            result = library.pcclConnect(communicator)
            if result == SUCCESS:
                break
            library.pcclDestroyCommunicator(communicator)
            # Its master may not listen yet.
            if time.monotonic() > end:
                raise RuntimeError(f"pcclConnect gave {result}")
            time.sleep(0.2)
        # Members let others in together, until all are there.
        while True:
            call(library, "pcclGetAttribute", communicator, GLOBAL_WORLD, ctypes.byref(count))
            if count.value == member.WORLD:
                return
            if time.monotonic() > end:
                raise TimeoutError(f"{count.value} of {member.WORLD} came")
            library.pcclUpdateTopology(communicator)
            time.sleep(0.05)

    try:
        connect()
    except Exception as error:
        driver.fail(error)
    info = Info()
    second = {}

    def reduce(values):
        start, length = values.buffer_info()
        # Out of place, as its examples are; the pair changes roles each time.
        if second.get("count") != length:
            second.update(count=length, values=member.Floats.filled(length, 0.0))
        result, second["values"] = second["values"], values
        target = result.buffer_info()[0]
        parts, at = [], 0
        for i in range(connections):
            end = length * (i + 1) // connections
            if end > at:
                of = Descriptor(end - at, SUM, i, FLOAT, 0, FLOAT, 0)
                parts.append(Part(start + 4 * at, target + 4 * at, of))
            at = end
        if connections == 1:
            call(library, "pcclAllReduce", ctypes.c_void_p(start), ctypes.c_void_p(target),
                 ctypes.byref(parts[0].of), communicator, ctypes.byref(info))
        else:
            call(library, "pcclAllReduceMultipleWithRetry", (Part * len(parts))(*parts),
                 ctypes.c_size_t(len(parts)), communicator, ctypes.byref(info), connections)
        if info.world != member.WORLD:
            raise RuntimeError(f"{info.world} of {member.WORLD} took part")
        return result

    driver.serve(reduce)


main()
