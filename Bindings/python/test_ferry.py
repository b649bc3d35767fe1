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
        with self.assertRaisesRegex(ValueError, "must be 32-bit floats, got format 'd'"):
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
        # Views, too: packed for the way, and written back where they were.
        group.all_reduce(values.T[1:3], weight=0.5)
        self.assertEqual(values[1].tolist(), [8, 5, 6, 14])
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
        with self.assertRaisesRegex(ValueError, "op must be one of sum, mean, product"):
            group.start(values, reduction="median")
        group.close()


FELLOW = """
import sys
from test_ferry import operations
import ferry
secret, address = sys.argv[1:]
with ferry.Group.join("sums", secret, address, members=3) as group:
    operations(group)
"""


def operations(group):
    """What one of three members does in the test below; each checks what it gets."""
    group.barrier()
    members, me = group.members, group.me
    rank = members.index(me)

    def expect(found, wanted):
        if list(found) != wanted:
            raise AssertionError(f"rank {rank}: {list(found)}, not {wanted}")

    outcome = group.all_gather(array.array("f", [rank] * (rank + 1)), tag=1)
    expect(outcome.values, [0, 1, 1, 2, 2, 2])
    expect(map(list, outcome.parts), [[0], [1, 1], [2, 2, 2]])
    expect(outcome.members, members)
    values = array.array("i", [rank, 7])
    group.broadcast(values, members[1], tag=2, algorithm="ring")
    expect(values, [1, 7])
    outcome = group.gather(array.array("q", [rank, -rank]), members[2], tag=3)
    expect(outcome.values, [0, 0, 1, -1, 2, -2] if rank == 2 else [])
    into = array.array("d", [0, 0])
    group.scatter(into, members[0], array.array("d", [5, 4, 3, 2, 1, 0]) if rank == 0 else None)
    expect(into, [[5, 4], [3, 2], [1, 0]][rank])
    # In a list by member, of different lengths.
    parts = [array.array("h", [10 * rank + to] * (to + 1)) for to in range(3)]
    outcome = group.all_to_all(parts, tag=4)
    expect(outcome.values, [10 * by + rank for by in range(3) for _ in range(rank + 1)])
    outcome = group.reduce_scatter(array.array("I", range(6)), op="max", algorithm="ring", tag=5)
    expect(outcome.values, [2 * rank, 2 * rank + 1])
    both = array.array("b", [rank, 1])
    group.all_reduce(both, into=(into := array.array("b", [0, 0])), op="product", tag=6)
    expect(both, [rank, 1])
    expect(into, [0, 1])
    # Long enough to be read and written where they lie.
    long = array.array("f", [rank + 1.0]) * 300_000
    group.all_reduce(long, tag=7)
    expect((long[0], long[150_000], long[-1]), [6, 6, 6])
    if rank == 0:
        try:
            group.all_reduce(long, tag=8, seconds=0.1)
            raise AssertionError("nobody else made this call")
        except ferry.Deadline:
            expect((long[0], long[150_000], long[-1]), [6, 6, 6])
    if rank == 0:
        group.send(array.array("Q", [1, 2, 3]), members[1])
    if rank == 1:
        call = group.recv(array.array("Q", [0]), members[0], async_op=True)
        try:
            call.wait()
            raise AssertionError("three elements in the place of one")
        except ferry.NoFit as error:
            if "the result has 3 elements, and there is a place for 1" not in str(error):
                raise
        try:
            call.wait(into=array.array("B", bytes(3)))
            raise AssertionError("eight bytes in the place of one")
        except ValueError as error:
            if str(error) != "the result and its place have elements of two types":
                raise
        # Nothing is lost, and the view in which it lands has gaps.
        wide = memoryview(array.array("Q", [9] * 6))
        call.wait(into=wide[::2])
        expect(wide, [1, 9, 2, 9, 3, 9])
    else:
        some = group.subgroup([members[2], members[0]])
        values = array.array("f", [rank, 1])
        some.all_reduce(values, op="mean")
        expect(values, [1, 1])
    group.barrier(tag=7)


LAUNCHED = """
import array, sys, ferry
with ferry.from_environment("launched", operation="sum") as group:
    values = array.array("f", [group.rank, 1])
    group.all_reduce(values)
    print(group.rank, group.size, values.tolist(), flush=True)
"""


class OperationTests(unittest.TestCase):
    def test_every_operation_of_every_member(self):
        secret = ferry.new_secret()
        with ferry.Group.found("sums", secret, members=3) as group:
            here = os.path.dirname(os.path.abspath(__file__))
            others = [
                subprocess.Popen(
                    [sys.executable, "-B", "-c", FELLOW, secret, group.address], cwd=here)
                for _ in range(2)
            ]
            try:
                operations(group)
                self.assertEqual([other.wait(60) for other in others], [0, 0])
            finally:
                for other in others:
                    other.kill()
                    other.wait()

    def test_views_of_numpy_are_packed_and_written_back(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("numpy is not installed")
        with ferry.Group.found("sums", ferry.new_secret()) as group:
            whole = numpy.arange(24, dtype=numpy.int32).reshape(2, 3, 4)
            expected = whole.copy()
            expected[:, ::2, 3:0:-2] *= 3
            group.all_reduce(whole[:, ::2, 3:0:-2], op="sum", weight=3)
            self.assertEqual(whole.tolist(), expected.tolist())
            got = group.all_gather(whole[:, 1, ::2]).values
            self.assertEqual((got.tolist(), got.dtype), ([4, 6, 16, 18], numpy.int32))
            flags = numpy.array([True, False])
            group.all_reduce(flags, op="max")
            self.assertEqual(flags.tolist(), [True, False])
            with self.assertRaisesRegex(ValueError, "elements that overlap|read-only"):
                group.all_reduce(numpy.broadcast_to(whole[0, 0], (2, 4)), op="sum")

    def test_the_documents_lines(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("numpy is not installed")
        secret = ferry.new_secret()
        first = ferry.Group.found("sums", secret, members=2)
        address, seen = first.address, []

        def member(group, rank):
            group.barrier()
            losses = numpy.array([rank, 2], dtype=numpy.float32)
            table = numpy.full((2, 4), rank, dtype=numpy.float64)
            weights = array.array("f", [5 + group.members.index(group.me)])
            outcome = group.all_gather(losses, tag=1)
            mean = [sum(part) / len(part) for part in outcome.parts]
            call = group.all_reduce(table[:, 3], op="mean", tag=2, async_op=True)
            group.broadcast(weights, src=group.members[0], tag=3)
            call.wait()
            pair = group.subgroup(group.members[:2])
            if group.me in pair.members:
                pair.all_reduce(losses, op="max", tag=4, algorithm="ring", seconds=30)
            seen.append((mean, table[:, 3].tolist(), weights.tolist(), losses.tolist()))
            group.leave()
            group.close()

        def second():
            member(ferry.Group.join("sums", secret, address, members=2), 1)

        thread = threading.Thread(target=second)
        thread.start()
        member(first, 0)
        thread.join()
        self.assertEqual(seen, [([1, 1.5], [0.5, 0.5], [5], [1, 2])] * 2)

    def test_what_cannot_be_done_is_said_at_once(self):
        with ferry.Group.found("sums", ferry.new_secret()) as group:
            group.barrier()
            values, me = array.array("d", [1]), group.me
            for call, reason in [
                (lambda: group.all_reduce(values, codec="int8"),
                 "int8 is a codec of F32, and the values are F64"),
                (lambda: group.all_gather(values, algorithm="tree"),
                 "there is no such way: tree .allGather.. Choose automatic or direct, ring"),
                (lambda: group.all_to_all([values] * 2), "2 parts for 1 members"),
                (lambda: group.scatter(values, me, [values, values]), "2 parts for 1 members"),
                (lambda: group.subgroup([]), "a sub-group of nobody"),
                (lambda: group.send(values, b"short"), "a member's name has 32 bytes, not 5"),
                (lambda: group.subgroup([bytes(32)]).barrier(), "this peer is not among"),
                (lambda: group.all_reduce(values, into=array.array("f", [0])), "of two types"),
            ]:
                with self.assertRaisesRegex(ValueError, reason):
                    call()


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
            apart = Tensor([1, 2, 3, 4, 5, 6], [2], strides=[3], versioned=versioned)
            self.group.all_reduce(apart, weight=2)
            self.assertEqual(list(apart.memory), [2, 2, 3, 8, 5, 6])

    def test_dlpack_that_does_not_fit_is_refused_with_a_reason(self):
        for wrong, reason in [
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
        self.group.all_reduce(values.T[1:3], weight=0.5)
        self.assertEqual(values[1].tolist(), [8, 5, 6, 14])
        for wrong, reason in [
            (values.double(), "must be 32-bit floats"),
            (torch.zeros(3, requires_grad=True), "cannot be shared: .*grad"),
        ]:
            with self.assertRaisesRegex(ValueError, reason):
                self.group.all_reduce(wrong)


# How many bytes malloc takes straight from the system for a long vector, in a process of its own: what
# a group has set stays.
MAPPED = """
import ctypes, sys, ferry

class Counts(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks",
        "keepcost")]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype, libc.malloc.restype = Counts, ctypes.c_void_p
options = {"keep_memory": False} if sys.argv[1] == "no" else {}
with ferry.Group.found("sums", ferry.new_secret(), **options):
    before = libc.mallinfo2().hblkhd
    libc.malloc(64 << 20)
    print(libc.mallinfo2().hblkhd - before)
"""


class KeptMemoryTests(unittest.TestCase):
    @unittest.skipUnless(hasattr(ctypes.CDLL(None), "mallinfo2"), "glibc alone tells")
    def test_long_vectors_stay_with_the_process_unless_told_otherwise(self):
        def mapped(keeps):
            return int(subprocess.run(
                [sys.executable, "-c", MAPPED, keeps], check=True, capture_output=True, text=True,
                timeout=60).stdout)

        self.assertEqual(mapped("yes"), 0)
        self.assertGreaterEqual(mapped("no"), 64 << 20)


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
