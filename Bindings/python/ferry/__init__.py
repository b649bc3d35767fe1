# SPDX-License-Identifier: Apache-2.0
"""Sums over a group of processes that come and go, over links that may break.

One process founds a group, others join it at any time, any of them may be killed, and the rest go
on. All members call ``all_reduce`` equally often: each call is one round, and after it all members
hold the same bits::

    group = ferry.Group.found("sums", secret=ferry.new_secret())   # or Group.join("sums", …)
    round = group.all_reduce(gradient)                             # in place
    print(round.number, round.contributors)

Beside the rounds there are the operations of ``torch.distributed``, by the same names, of any type of
numbers, among all members or a ``subgroup``, any number at once, told apart by tags: ``Operations``.

Vectors lie in this machine's memory, in whatever offers them: a numpy array, a torch CPU tensor, an
``array.array("f")``, anything with a buffer or with DLPack; rounds and state are of 32-bit floats. They
are read and written where they lie, views with gaps among them; neither numpy nor torch is needed, and
none is imported.
Every call that waits has a limit in seconds. Errors are ``ferry.Error`` and say what to do.

``ferry.ot`` is optimal transport, and needs numpy.
"""

import ctypes
from typing import NamedTuple

from ferry._library import (
    Cancelled, Deadline, Error, Evicted, Mismatch, NoFit, NotConverged, Refused, Stopped, _call, _choice,
    _Launched, _library, _Member, _Options, _Round)
from ferry._memory import Place
from ferry._operations import _CODECS, Call, Member, Operations, Outcome, SubGroup

__all__ = [
    "Group", "SubGroup", "Operations", "Member", "Call", "Outcome", "Round", "Error", "Cancelled",
    "Deadline", "Evicted", "Mismatch", "NoFit", "NotConverged", "Refused", "Stopped", "from_environment", "library",
    "new_secret",
]

_API = (0, 3)
_OPERATIONS = ["mean", "sum"]
_MEMBERS_MAX = 128
_TEXT = 512

#: Where the library that does the work was found.
library = _library.place


class Round(NamedTuple):
    """What came of a round."""

    number: int
    contributors: int
    weight: float


def new_secret():
    """A fresh secret: whoever has it may join."""
    text = ctypes.create_string_buffer(_TEXT)
    _call("new_secret", text, _TEXT)
    return text.value.decode()


class Group(Operations):
    """This process's place in a group. Use ``found`` or ``join``; ``with`` leaves at the end."""

    #: What a launcher told this process; None unless the group is ``from_environment``.
    rank = size = None
    _among = None

    def __init__(self, pointer):
        self._pointer = pointer

    @staticmethod
    def _options(run, secret, listen, members, operation, codec, encrypted, keep_memory):
        return _Options(
            ctypes.sizeof(_Options),
            run.encode(),
            secret.encode(),
            listen.encode() if listen else None,
            members,
            _choice("operation", operation, _OPERATIONS),
            _choice("codec", codec, _CODECS),
            not encrypted,
            not keep_memory,
        )

    @classmethod
    def found(
        cls, run, secret, *, listen=None, members=1, operation="mean", codec="f32", encrypted=True,
        keep_memory=True,
    ):
        """Makes this process a group of one; the first round waits for ``members``.

        With ``keep_memory`` the process keeps, for good, what memory it once used: long vectors
        then come and go faster.
        """
        options = cls._options(
            run, secret, listen, members, operation, codec, encrypted, keep_memory)
        pointer = ctypes.c_void_p()
        _call("found", ctypes.byref(options), ctypes.byref(pointer))
        return cls(pointer)

    @classmethod
    def join(
        cls, run, secret, address, *, seconds=60.0, listen=None, members=1, operation="mean",
        codec="f32", encrypted=True, keep_memory=True,
    ):
        """Asks the peer at ``host:port``; returns as a member, with the group's state in hand."""
        options = cls._options(
            run, secret, listen, members, operation, codec, encrypted, keep_memory)
        pointer = ctypes.c_void_p()
        _call(
            "join", ctypes.byref(options), address.encode(), seconds, ctypes.byref(pointer))
        return cls(pointer)

    @classmethod
    def from_environment(
        cls, run, *, seconds=60.0, operation="mean", codec="f32", encrypted=True, keep_memory=True
    ):
        """Founds or joins, as torchrun, mpirun or Slurm told this process: rank 0 founds.

        The first round waits for all processes; ``FERRY_SECRET`` has the secret. ``rank`` and
        ``size`` of the group are the launcher's.
        """
        options = cls._options(run, "", None, 1, operation, codec, encrypted, keep_memory)
        pointer, launched = ctypes.c_void_p(), _Launched()
        _call(
            "from_environment", ctypes.byref(options), seconds, ctypes.byref(pointer),
            ctypes.byref(launched))
        group = cls(pointer)
        group.rank, group.size = launched.rank, launched.size
        return group

    def all_reduce(self, values, *, weight=1.0, seconds=60.0, **options):
        """The weighted mean (or sum) of all members' values, in place: a round.

        With any of ``tag``, ``op``, ``into``, ``codec``, ``algorithm``, ``async_op`` it is an operation
        beside the rounds instead.
        """
        if options:
            return self._all_reduce(values, weight=weight, seconds=seconds, **options)
        round = _Round()
        with Place(values, writable=True, only="f32").packed() as place:
            _call(
                "all_reduce", self._pointer, place.address, place.count, weight, seconds,
                ctypes.byref(round))
        return Round(round.number, round.contributors, round.weight)

    def start(
        self, values, *, tag=0, reduction="mean", weight=1.0, codec="f32", seconds=60.0
    ):
        """Begins an all-reduce beside the rounds and returns at once: ``Call.wait`` ends it.

        As ``all_reduce(values, tag=tag, op=reduction, async_op=True)``.
        """
        return self._all_reduce(
            values, op=reduction, weight=weight, tag=tag, codec=codec, seconds=seconds,
            async_op=True)

    def subgroup(self, members):
        """Operations of these members alone: all of them name the same ones, in any order."""
        return SubGroup(self, members)

    @property
    def me(self):
        """This process's own name among the members."""
        one = _Member()
        _call("self", self._pointer, ctypes.byref(one))
        return Member(bytes(one.id))

    def set_state(self, name, values):
        """Names values that all hold alike after the round before: newcomers get them."""
        with Place(values, only="f32").packed() as place:
            _call("set_state", self._pointer, name.encode(), place.address, place.count)

    def read_state(self, name, into):
        """Copies what this peer was given when it joined or reloaded over ``into``."""
        with Place(into, writable=True, only="f32").packed() as place:
            _call("state", self._pointer, name.encode(), place.address, place.count)

    def reload(self, *, seconds=60.0):
        """After ``Evicted``: waits until this peer is a member again."""
        _call("reload", self._pointer, seconds)

    @property
    def members(self):
        """The members' names, by seniority; none while this peer is not one."""
        all, count = (_Member * _MEMBERS_MAX)(), ctypes.c_size_t()
        _call("list_members", self._pointer, all, _MEMBERS_MAX, ctypes.byref(count))
        return [Member(bytes(one.id)) for one in all[: count.value]]

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
