# SPDX-License-Identifier: Apache-2.0
"""One rank of a contestant in Python; what member.h is in C."""

import array
import ctypes
import os
import socket
import sys
import time

RANK = int(os.environ.get("BENCH_RANK", "0"))
WORLD = int(os.environ.get("BENCH_WORLD", "1"))
FOLDER = os.environ.get("BENCH_FOLDER", ".")
ADDRESSES = os.environ.get("BENCH_ADDRESSES", "").split(",")
WAIT_SECONDS_MAX = 60.0


class Floats:
    """Operands that are plain memory, for whoever takes a pointer or a buffer."""

    @staticmethod
    def filled(count, value):
        return array.array("f", [value]) * count

    @staticmethod
    def clear(values):
        address, count = values.buffer_info()
        ctypes.memset(address, 0, 4 * count)

    @staticmethod
    def look(values, index):
        return values[index]


class Driver:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(os.environ["BENCH_SOCKET"])
        self.say(f"hello {os.environ['BENCH_NAME']} {RANK}")

    def say(self, line):
        self.socket.sendall(line.encode() + b"\n")

    def fail(self, why):
        self.say("failed " + " ".join(str(why).split())[:200])
        sys.exit(1)

    def serve(self, reduce, kind=Floats, tolerance=0):
        """`reduce(operand)` returns what holds the sum, which may be the operand."""
        self.tolerance = tolerance
        self.say("ready")
        for line in self.socket.makefile("r"):
            _, count, timed, warm = line.split()
            count, timed, warm = int(count), int(timed), int(warm)
            try:
                self.say(self._run(reduce, kind, count, timed, warm))
            except Exception as error:  # Whatever a library throws is the answer.
                self.fail(f"{type(error).__name__}: {error}")

    def _run(self, reduce, kind, count, timed, warm):
        self._check(kind, reduce(kind.filled(warm, RANK + 1.0)), warm, WORLD * (WORLD + 1) / 2)
        values = kind.filled(count, 0.0)
        kind.clear(values)
        times = []
        processor = time.process_time_ns()
        for _ in range(timed):
            start = time.monotonic_ns()
            values = reduce(values)
            times.append(time.monotonic_ns() - start)
        processor = time.process_time_ns() - processor
        self._check(kind, values, count, 0)
        return f"done {processor} " + " ".join(map(str, times))

    def _check(self, kind, values, count, expected):
        for index in (0, count // 2, count - 1):
            if abs(kind.look(values, index) - expected) > self.tolerance * expected:
                raise ValueError(f"a wrong sum: {kind.look(values, index)}, not {expected}")


def await_file(name):
    """The text of a file that another rank writes, once it is whole."""
    path = os.path.join(FOLDER, name)
    end = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < end:
        try:
            with open(path) as file:
                return file.read()
        except FileNotFoundError:
            time.sleep(0.02)
    raise TimeoutError(f"{name} was not written in {WAIT_SECONDS_MAX:g} s")


def write_file(name, text):
    path = os.path.join(FOLDER, name)
    with open(path + ".part", "w") as file:
        file.write(text)
    os.rename(path + ".part", path)
