# SPDX-License-Identifier: Apache-2.0
"""Operations beside the rounds, of all members of a group or of some."""

import ctypes

from ferry import _memory
from ferry._library import (
    _MEMBER_BYTES, NoFit, _call, _library, _Member, _Operation, _Part, _Result, _choice)

_CODECS = ["f32", "bf16", "int8", "int8-stochastic", "int4", "int4-stochastic", "top-k"]
_REDUCTIONS = ["sum", "mean", "product", "min", "max"]
_ALGORITHMS = [
    "automatic", "ring", "direct", "one-shot", "halving-doubling", "tree", "star", "hierarchical"]
(
    _ALL_REDUCE, _REDUCE_SCATTER, _ALL_GATHER, _BROADCAST, _GATHER, _SCATTER, _ALL_TO_ALL, _SEND,
    _BARRIER, _RECEIVE,
) = range(1, 11)


class Member(bytes):
    """A peer's name, the same on all members as long as the peer lives."""

    def __new__(cls, name):
        if len(name) != _MEMBER_BYTES:
            raise ValueError(f"a member's name has {_MEMBER_BYTES} bytes, not {len(name)}")
        return super().__new__(cls, name)

    def __repr__(self):
        return f"Member({self[:4].hex()}…)"

    __str__ = __repr__

    def _read(self):
        return _Member((ctypes.c_uint8 * _MEMBER_BYTES)(*self))


class Outcome:
    """What came of an operation, and who took part."""

    def __init__(self, result):
        #: The number of the operation under its tag, from 1.
        self.number = result.number
        #: How many elements this member got.
        self.count = result.count
        named = result.contributors[: result.contributor_count]
        #: Who took part, in the same order on all members; those lost on the way are not among them.
        self.members = [Member(bytes(one.member.id)) for one in named]
        #: How many of the elements came from each, where they were gathered; else zeros.
        self.counts = [one.count for one in named]
        self.contributors, self.weight = len(named), sum(one.weight for one in named)
        #: The array that has the result.
        self.values = None

    @property
    def parts(self):
        """What came from each member, where values were gathered; as slices of ``values``."""
        ends = [sum(self.counts[: i + 1]) for i in range(len(self.counts))]
        return [self.values[end - count : end] for end, count in zip(ends, self.counts)]


class Call:
    """An operation under way. Its result's place is the library's until ``wait`` returned."""

    def __init__(self, pointer, into, like, element):
        # `into` is None where the result gets an array of its own.
        self._pointer, self._into, self._like, self._outcome = pointer, into, like, None
        self._element = element

    @property
    def is_finished(self):
        """Whether ``wait`` would return at once."""
        return self._pointer is None or _library.ferry_is_finished(self._pointer)

    def cancel(self):
        """Ends the wait at once, here and for those who wait for this peer's part."""
        if self._pointer is not None:
            _library.ferry_cancel(self._pointer)

    def wait(self, *, into=None):
        """Waits, and writes the result where it belongs; on an error nothing is written.

        After ``NoFit`` it may be called again with another place.
        """
        if self._pointer is None:
            return self._outcome
        result = _Result()
        try:
            _call("outcome", self._pointer, ctypes.byref(result))
        except Exception:
            self._free()
            raise
        outcome = Outcome(result)
        if into is not None or self._into is None:
            array = _memory.array_like(self._like, outcome.count) if into is None else into
            place = _memory.Place(array, writable=True)
            if place.element != self._element:
                raise ValueError("the result and its place have elements of two types")
            _call("set_place", self._pointer, place.address or id(self), place.count, place.layout)
            self._into = place
        try:
            _call("await", self._pointer, None)
        except NoFit as error:
            error.call = self
            raise
        outcome.values = self._into.array
        self._pointer, self._outcome, self._into = None, outcome, None
        return outcome

    def _free(self):
        pointer, self._pointer = self._pointer, None
        _library.ferry_set_place(pointer, None, 0, None)
        _library.ferry_await(pointer, None)

    def __del__(self):
        if self._pointer is not None:
            # Nobody will look at the result, and the memory may go.
            self.cancel()
            self._free()


class Operations:
    """What members do together beside the rounds: any number at once, told apart by tags.

    Values are arrays of any type of numbers, or bool, contiguous or not: views are packed for the way,
    and results written back where they were. Each operation waits for its outcome, or, with
    ``async_op=True``, returns a ``Call``. All members make the same calls with one tag in one order.
    Members that are lost on the way are left out.

    ``codec`` and ``algorithm`` are names: f32, bf16, int8, int8-stochastic, int4, int4-stochastic,
    top-k (for 32-bit floats); automatic, ring, direct, one-shot, halving-doubling, tree, star,
    hierarchical (for all-reduce; others have fewer).
    """

    def _all_reduce(
        self, values, *, into=None, op="sum", weight=1.0, tag=0, codec="f32",
        algorithm="automatic", seconds=60.0, async_op=False
    ):
        return self._begin(
            _ALL_REDUCE, values, into, op=op, weight=weight, tag=tag, codec=codec,
            algorithm=algorithm, seconds=seconds, async_op=async_op)

    def reduce_scatter(self, values, *, into=None, op="sum", weight=1.0, **options):
        """Each gets its own segment of all members' values made one, in the outcome's order."""
        return self._begin(
            _REDUCE_SCATTER, values, into, is_new=True, op=op, weight=weight, **options)

    def all_gather(self, values, *, into=None, **options):
        """All get the values of all: ``Outcome.parts``, or one after another in ``values``."""
        return self._begin(_ALL_GATHER, values, into, is_new=True, **options)

    def broadcast(self, values, src, **options):
        """All get the values of ``src``, in place."""
        return self._begin(_BROADCAST, values, None, peer=src, **options)

    def gather(self, values, dst, *, into=None, **options):
        """``dst`` gets the values of all: ``Outcome.parts``."""
        return self._begin(_GATHER, values, into, is_new=True, peer=dst, **options)

    def scatter(self, into, src, parts=None, **options):
        """Each gets its own part into ``into``.

        ``src`` gives ``parts``: one array that is cut evenly, a list of one for each of ``members``,
        or a dictionary of arrays by member.
        """
        if parts is None:
            return self._begin(_SCATTER, into, None, peer=src, **options)
        whole, counts = self._divided(parts)
        return self._begin(_SCATTER, whole, into, peer=src, parts=counts, **options)

    def all_to_all(self, parts, *, into=None, **options):
        """Each gets its own part of all members' ``parts``, given as in ``scatter``."""
        whole, counts = self._divided(parts)
        return self._begin(_ALL_TO_ALL, whole, into, is_new=True, parts=counts, **options)

    def send(self, values, dst, **options):
        """``dst`` gets the values: it calls ``recv``, with the same tag."""
        return self._begin(_SEND, values, None, peer=dst, **options)

    def recv(self, into, src, **options):
        """The values that ``src`` sends, of the same type; ``NoFit`` if there are more."""
        return self._begin(_RECEIVE, into, None, peer=src, **options)

    def barrier(self, **options):
        """Ends for none before all have made this call."""
        return self._begin(_BARRIER, None, None, **options)

    def _divided(self, parts):
        members = self.members
        if isinstance(parts, dict):
            members, parts = list(parts), list(parts.values())
        if not isinstance(parts, (list, tuple)):
            count = _memory.Place(parts).count
            if not members or count % len(members):
                raise ValueError(f"{count} values for {len(members)} members, who get equally many")
            return parts, [(member, count // len(members)) for member in members]
        if len(parts) != len(members) or not parts:
            raise ValueError(f"{len(parts)} parts for {len(members)} members")
        return _memory.Joined(parts), [
            (member, _memory.Place(part).count) for member, part in zip(members, parts)]

    def _begin(
        self, kind, values, into, *, is_new=False, op="sum", weight=None, tag=0, codec="f32",
        algorithm="automatic", seconds=60.0, async_op=False, peer=None, parts=None
    ):
        operation = _Operation(ctypes.sizeof(_Operation), kind, 1)
        operation.reduction = _choice("op", op, _REDUCTIONS)
        operation.algorithm = _choice("algorithm", algorithm, _ALGORITHMS)
        operation.codec = _choice("codec", codec, _CODECS)
        operation.has_weight, operation.weight = weight is not None, weight or 0.0
        # Whoever waits here gets them back with the result, or as they were.
        operation.lends = not async_op
        operation.tag = tag
        is_read_only = kind == _SEND or is_new or into is not None
        given = _memory.Place(values, writable=not is_read_only)
        operation.element = given.element
        operation.values, operation.count, operation.layout = (
            given.address, given.count, given.layout)
        place = given
        if into is not None:
            place = _memory.Place(into, writable=True)
            if place.element != given.element:
                raise ValueError("the result and its place have elements of two types")
            operation.result = place.address or id(self)
            operation.result_count, operation.result_layout = place.count, place.layout
        elif is_new:
            # No place yet: an address that is not NULL, with room for nothing.
            place, operation.result = None, id(self)
        if self._among is not None:
            operation.members = (_Member * len(self._among))(*[m._read() for m in self._among])
            operation.member_count = len(self._among)
        if peer is not None:
            operation.peer = ctypes.pointer(Member(peer)._read())
        if parts is not None:
            operation.parts = (_Part * len(parts))(
                *[_Part(Member(member)._read(), count) for member, count in parts])
            operation.part_count = len(parts)
        pointer = ctypes.c_void_p()
        _call("start", self._pointer, ctypes.byref(operation), seconds, ctypes.byref(pointer))
        call = Call(pointer, place, values, given.element)
        return call if async_op else call.wait()


class SubGroup(Operations):
    """Some members of a group, who make operations among themselves; each of them makes one."""

    def __init__(self, group, members):
        self._group, self._among = group, [Member(member) for member in members]
        if not self._among:
            raise ValueError("a sub-group of nobody")

    @property
    def _pointer(self):
        return self._group._pointer

    @property
    def members(self):
        """Those who take part, in the order in which they were named."""
        return list(self._among)

    all_reduce = Operations._all_reduce
