# SPDX-License-Identifier: Apache-2.0
"""Run by `swift test`, or by hand: python3 -m unittest -v test_ferry (in this folder)."""

import array
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import unittest

import ferry
from ferry import _memory

MEMBER = """
import array, sys, ferry
secret, address = sys.argv[1:]
group = ferry.Group.join("sums", secret, address, members=3)
while True:
    values = array.array("f", [3.0] * 10)
    group.all_reduce(values)
    print(group.round, flush=True)
"""


class GroupTests(unittest.TestCase):
    def test_rounds_go_on_when_a_member_is_killed(self):
        secret = ferry.new_secret()
        with ferry.Group.found("sums", secret, members=3) as group:
            others = [
                subprocess.Popen(
                    [sys.executable, "-c", MEMBER, secret, group.address],
                    stdout=subprocess.PIPE, text=True)
                for _ in range(2)
            ]
            seen = []
            try:
                while not seen or seen[-1] > 1:
                    values = array.array("f", [1.0] * 10)
                    round = group.all_reduce(values)
                    expected = (1 + 3 * (round.contributors - 1)) / round.contributors
                    for value in values:
                        self.assertAlmostEqual(value, expected, places=6)
                    seen.append(round.contributors)
                    self.assertLess(round.number, 5000)
                    if round.number in (20, 40):
                        others[round.number // 20 - 1].send_signal(signal.SIGKILL)
            finally:
                for other in others:
                    other.kill()
                    other.wait()
                    other.stdout.close()
            self.assertEqual(sorted(set(seen), reverse=True), [3, 2, 1])
            self.assertEqual(sorted(seen, reverse=True), seen)

    def test_the_readmes_lines(self):
        secret = ferry.new_secret()
        first = ferry.Group.found("sums", secret, members=2)
        address, samples = first.address, 2
        gradients = [array.array("f", [0, 3]), array.array("f", [3, 0])]

        def second():
            gradient = gradients[1]
            group = ferry.Group.join("sums", secret, address)
            round = group.all_reduce(gradient, weight=samples)
            self.assertEqual((round.number, round.contributors, round.weight), (1, 2, 3))
            group.leave()
            group.close()

        thread = threading.Thread(target=second)
        thread.start()
        first.all_reduce(gradients[0])
        thread.join()
        self.assertEqual(gradients[0].tolist(), [2, 1])
        self.assertEqual(gradients[0], gradients[1])
        first.close()

    def test_a_newcomer_gets_the_state(self):
        secret = ferry.new_secret()
        group = ferry.Group.found("sums", secret, operation="sum")
        state = array.array("f", [5, 6])
        found = array.array("f", [0, 0])
        done = threading.Event()

        def goes_on():
            while not done.is_set():
                group.set_state("w", state)
                group.all_reduce(array.array("f", [1]))

        thread = threading.Thread(target=goes_on)
        thread.start()
        try:
            newcomer = ferry.Group.join("sums", secret, group.address, operation="sum")
            newcomer.read_state("w", found)
            self.assertEqual(found, state)
            with self.assertRaisesRegex(ValueError, 'no state is called "v"'):
                newcomer.read_state("v", found)
            newcomer.close()
        finally:
            done.set()
            thread.join()
            group.close()

    def test_errors_say_what_is_wrong(self):
        with self.assertRaisesRegex(ValueError, "options.secret is not what"):
            ferry.Group.found("sums", "short")
        with self.assertRaisesRegex(ValueError, "codec must be one of f32, bf16, int8"):
            ferry.Group.found("sums", ferry.new_secret(), codec="int3")
        with self.assertRaisesRegex(ferry.Deadline, "waited in vain for a group"):
            ferry.Group.join("sums", ferry.new_secret(), "127.0.0.1:1", seconds=0.2)
        group = ferry.Group.found("sums", ferry.new_secret())
        with self.assertRaisesRegex(ValueError, "must be contiguous 32-bit floats"):
            group.all_reduce(array.array("d", [1]))
        with self.assertRaisesRegex(ValueError, "read-only"):
            group.all_reduce(memoryview(array.array("f", [1])).toreadonly())
        group.leave()
        with self.assertRaises(ferry.Stopped):
            group.all_reduce(array.array("f", [1]))
        group.close()

    def test_numpy_is_summed_where_it_lies(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("numpy is not installed")
        group = ferry.Group.found("sums", ferry.new_secret(), operation="sum")
        values = numpy.arange(12, dtype=numpy.float32).reshape(3, 4)
        group.all_reduce(values, weight=2)
        self.assertEqual(values.tolist(), (2 * numpy.arange(12).reshape(3, 4)).tolist())
        with self.assertRaisesRegex(ValueError, "must be contiguous"):
            group.all_reduce(values.T)
        group.close()


PARTNER = """
import array, sys, ferry
secret, address = sys.argv[1:]
group = ferry.Group.join("sums", secret, address, members=2)
ints, doubles = array.array("q", [5, -7]), array.array("d", [0.5])
# In another order than the other side: tags tell them apart.
calls = [group.start(doubles, tag=2, reduction="sum"), group.start(ints, tag=1, reduction="max")]
print(*[call.wait().contributors for call in calls], ints.tolist(), doubles.tolist(), flush=True)
group.start(array.array("f", [0.5] * 20000), tag=4, codec="int8").wait()
sys.stdin.read()
"""


class CallTests(unittest.TestCase):
    def test_several_operations_go_on_at_once_and_outlive_a_member(self):
        secret = ferry.new_secret()
        group = ferry.Group.found("sums", secret, members=2)
        other = subprocess.Popen(
            [sys.executable, "-c", PARTNER, secret, group.address],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            ints, doubles = array.array("q", [3, 9]), array.array("d", [0.25])
            calls = [
                group.start(ints, tag=1, reduction="max"),
                group.start(doubles, tag=2, reduction="sum"),
            ]
            self.assertEqual([call.wait().contributors for call in calls], [2, 2])
            self.assertEqual((ints.tolist(), doubles.tolist()), ([5, 9], [0.75]))
            self.assertEqual(other.stdout.readline(), "2 2 [5, 9] [0.75]\n")
            # Fewer bytes on the way than fit into one message, and more elements than into one piece.
            many = array.array("f", [0.5] * 20000)
            self.assertEqual(group.start(many, tag=4, codec="int8").wait().contributors, 2)
            self.assertAlmostEqual(many[19999], 0.5, places=2)
            # Waits for the other one, which is killed, and goes on without it.
            alone = array.array("f", [4])
            call = group.start(alone, tag=3)
            self.assertFalse(call.is_finished)
            other.send_signal(signal.SIGKILL)
            self.assertEqual(call.wait().contributors, 1)
            self.assertTrue(call.is_finished)
            self.assertEqual(alone.tolist(), [4])
        finally:
            other.kill()
            other.wait()
            other.stdin.close()
            other.stdout.close()
            group.close()

    def test_a_call_can_be_cancelled_and_has_a_deadline(self):
        secret = ferry.new_secret()
        group = ferry.Group.found("sums", secret, members=2)
        values = array.array("f", [4])
        call = group.start(values, tag=1)
        call.cancel()
        with self.assertRaises(ferry.Cancelled):
            call.wait()
        with self.assertRaises(ferry.Deadline):
            group.start(values, tag=2, seconds=0.1).wait()
        self.assertEqual(values.tolist(), [4])
        with self.assertRaisesRegex(ValueError, "reduction must be one of sum, mean, product"):
            group.start(values, reduction="median")
        group.close()


LAUNCHED = """
import array, sys, ferry
with ferry.from_environment("launched", operation="sum") as group:
    values = array.array("f", [group.rank, 1])
    group.all_reduce(values)
    print(group.rank, group.size, values.tolist(), flush=True)
"""


class EnvironmentTests(unittest.TestCase):
    def launched(self, environment):
        """What all processes of a launch say, sorted, and their statuses."""
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", LAUNCHED], env={**os.environ, **variables},
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for variables in environment
        ]
        said = [process.communicate(timeout=60)[0].strip() for process in processes]
        return sorted(said), [process.returncode for process in processes]

    def test_a_launchers_processes_make_a_group(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        secret = ferry.new_secret()
        said, statuses = self.launched(
            {"RANK": str(rank), "WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1",
             "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "3", "MASTER_PORT": port,
             "FERRY_SECRET": secret}
            for rank in range(3))
        self.assertEqual(said, [f"{rank} 3 [3.0, 3.0]" for rank in range(3)])
        self.assertEqual(statuses, [0, 0, 0])

    def test_what_is_missing_is_named(self):
        base = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "a", "MASTER_PORT": "7001"}
        for variables, reason in [
            ({}, "no launcher started this process"),
            ({**base, "RANK": "2"}, "RANK=2 is not one of 2"),
            (base, "FERRY_SECRET is not set; take one from"),
        ]:
            said, statuses = self.launched([variables])
            self.assertIn(reason, said[0])
            self.assertEqual(statuses, [1])


class MemoryTests(unittest.TestCase):
    """Arrays by DLPack alone, made by hand: no array library is needed to test it."""

    def setUp(self):
        self.group = ferry.Group.found("sums", ferry.new_secret(), operation="sum")

    def tearDown(self):
        self.group.close()

    def test_dlpack_is_summed_where_it_lies(self):
        for versioned in (False, True):
            tensor = Tensor([1, 2, 3, 4, 5, 6], [2, 3], versioned=versioned)
            self.group.all_reduce(tensor, weight=2)
            self.assertEqual(list(tensor.memory), [2, 4, 6, 8, 10, 12])

    def test_dlpack_that_does_not_fit_is_refused_with_a_reason(self):
        for wrong, reason in [
            (Tensor([1] * 6, [3, 2], strides=[1, 3]), "must be contiguous, got a Tensor with gaps"),
            (Tensor([1] * 6, [6], device=2), "got a Tensor on DLPack device 2; with torch"),
            (Tensor([1] * 6, [3], bits=64), "must be 32-bit floats, got DLPack type 2 of 64 bits"),
            (Tensor([1] * 6, [6], code=0), "must be 32-bit floats, got DLPack type 0 of 32 bits"),
            (Tensor([1] * 6, [6], versioned=True, flags=1), "values are read-only"),
            ([1.0, 2.0], "must be an array of 32-bit floats, got list; lists have no memory"),
        ]:
            with self.assertRaisesRegex(ValueError, reason):
                self.group.all_reduce(wrong)

    def test_torch_is_summed_where_it_lies(self):
        try:
            import torch
        except ImportError:
            self.skipTest("torch is not installed")
        values = torch.arange(12, dtype=torch.float32).reshape(3, 4)
        self.group.all_reduce(values, weight=2)
        self.assertEqual(values.tolist(), (2 * torch.arange(12).reshape(3, 4)).tolist())
        for wrong, reason in [
            (values.T, "must be contiguous"),
            (values.double(), "must be 32-bit floats"),
            (torch.zeros(3, requires_grad=True), "cannot be shared: .*grad"),
        ]:
            with self.assertRaisesRegex(ValueError, reason):
                self.group.all_reduce(wrong)


class Tensor:
    """What a framework without the buffer protocol shows of its memory."""

    def __init__(
        self, values, shape, *, strides=None, device=1, code=2, bits=32, versioned=False, flags=0
    ):
        self.memory = (ctypes.c_float * len(values))(*values)
        self.device, self.versioned = device, versioned
        numbers = ctypes.c_int64 * len(shape)
        self.kept = numbers(*shape), numbers(*(strides or [])) if strides else None
        managed = _memory._Versioned()
        managed.major, managed.flags = 1, flags
        tensor = managed.tensor
        tensor.data, tensor.dimensions = ctypes.addressof(self.memory), len(shape)
        tensor.device.type = device
        tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes = code, bits, 1
        tensor.shape = ctypes.cast(self.kept[0], ctypes.POINTER(ctypes.c_int64))
        if strides:
            tensor.strides = ctypes.cast(self.kept[1], ctypes.POINTER(ctypes.c_int64))
        self.managed = managed

    def __dlpack_device__(self):
        return (self.device, 0)

    def __dlpack__(self, **options):
        if options and not self.versioned:
            raise TypeError("no such option")
        new = ctypes.pythonapi.PyCapsule_New
        new.restype = ctypes.py_object
        new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        self.name = b"dltensor_versioned" if self.versioned else b"dltensor"
        place = self.managed if self.versioned else self.managed.tensor
        return new(ctypes.addressof(place), self.name, None)


if __name__ == "__main__":
    unittest.main()
