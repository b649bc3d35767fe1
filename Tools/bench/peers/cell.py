# SPDX-License-Identifier: Apache-2.0
"""One laboratory (or the loopback interface) with all contestants in it, measured in turn."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

NETLAB = pathlib.Path(__file__).resolve().parents[2] / "netlab" / "netlab"
START_SECONDS_MAX = 90
OPERATION_SECONDS_MAX = 150
ENDING_SECONDS_MAX = 5
BATCH_SECONDS = 0.4
BATCH_MAX, TURNS_MIN, TURNS_MAX = 100, 3, 9
WARM_FLOATS_MAX = 1 << 16
PORT_FIRST, PORTS_EACH = 21000, 100


class Trouble(Exception):
    """Why a contestant is out."""


class Cell:
    def __init__(self, profile, world, hosts):
        self.profile, self.world, self.hosts = profile, world, hosts
        self.is_laboratory = profile != "loopback"
        self.device = "netlab" if self.is_laboratory else "lo"
        self.folder = tempfile.mkdtemp(prefix="ferry-peers-")
        self.path = os.path.join(self.folder, "driver")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(256)
        self.processes = {}  # Contestant → what was started for it.
        self.members = {}  # Contestant → rank → its connection.
        self.ports = {}

    # MARK: Starting

    def address(self, name, index):
        """Where a contestant's rank listens; index `world` is one more, on the first host."""
        if name not in self.ports:
            if self.is_laboratory:
                first = PORT_FIRST + PORTS_EACH * len(self.ports)
                self.ports[name] = [first + i for i in range(self.world + 1)]
            else:
                self.ports[name] = free_ports(self.world + 1)
        host = self.hosts[index % self.world]
        return f"{host}:{self.ports[name][index]}"

    def spawn(self, name, rank, words, environment, is_rank=True):
        addresses = ",".join(self.address(name, r) for r in range(self.world))
        own = {
            "BENCH_SOCKET": self.path, "BENCH_NAME": name, "BENCH_WORLD": str(self.world),
            "BENCH_ADDRESSES": addresses, "BENCH_FOLDER": self.folder, "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", **environment}
        if is_rank:
            own["BENCH_RANK"] = str(rank)
        if self.is_laboratory and rank > 0:
            words = [sys.executable, str(NETLAB), "on", str(rank + 1), "--", *words]
        log = open(os.path.join(self.folder, f"{name}-{rank}{'' if is_rank else '-lead'}.log"), "wb")
        process = subprocess.Popen(
            words, env={**os.environ, **own}, stdin=subprocess.PIPE, stdout=log, stderr=log,
            start_new_session=True)
        self.processes.setdefault(name, []).append((process, log.name))
        log.close()

    def begin(self, contestant):
        """Starts a contestant and waits until all its ranks are ready."""
        name = contestant.name
        contestant.start(self)
        self.members[name] = {}
        end = time.monotonic() + START_SECONDS_MAX
        while len(self.members[name]) < self.world:
            self.listener.settimeout(0.5)
            try:
                connection, _ = self.listener.accept()
            except TimeoutError:
                self._check_alive(name)
                if time.monotonic() > end:
                    raise Trouble(f"{len(self.members[name])} of {self.world} ranks came in "
                                  f"{START_SECONDS_MAX} s{self._last_words(name)}")
                continue
            rank = Rank(connection)
            said = rank.line(end)
            if said[:2] != ["hello", name]:
                connection.close()  # One of a contestant that is out.
                continue
            self.members[name][int(said[2])] = rank
        for rank in self.members[name].values():
            self._hear(name, rank, "ready", end)

    def _hear(self, name, rank, first, end):
        try:
            said = rank.line(end)
        except TimeoutError:
            raise Trouble("no answer in time") from None
        if said[:1] == [first]:
            return said[1:]
        if said[:1] == ["failed"]:
            raise Trouble(" ".join(said[1:]))
        raise Trouble("a rank has ended" + self._last_words(name))

    def _check_alive(self, name):
        for process, _ in self.processes[name]:
            if process.poll() not in (None, 0):
                raise Trouble(f"ended with {process.returncode}{self._last_words(name)}")

    def _last_words(self, name):
        for _, log in self.processes[name]:
            with open(log, errors="replace") as file:
                lines = [line.strip() for line in file if line.strip()]
            if lines:
                return f" ({lines[-1][:160]})"
        return ""

    # MARK: Measuring

    def run(self, name, count, timed, warm):
        """One batch: seconds of the slowest rank each time, and processor seconds of all."""
        end = time.monotonic() + OPERATION_SECONDS_MAX
        for rank in self.members[name].values():
            rank.say(f"run {count} {timed} {warm}")
        answers = [
            [int(word) for word in self._hear(name, rank, "done", end)]
            for rank in self.members[name].values()]
        slowest = [max(times) / 1e9 for times in zip(*(answer[1:] for answer in answers))]
        return slowest, sum(answer[0] for answer in answers) / 1e9

    def measure(self, names, count, seconds_each):
        """Measures a size, contestants in turn; yields (name, seconds, processor, trouble)."""
        warm = min(count, WARM_FLOATS_MAX)
        times = {name: [] for name in names}
        processor = dict.fromkeys(names, 0.0)
        trouble, spent, batch = {}, dict.fromkeys(names, 0.0), dict.fromkeys(names, 1)
        for turn in range(TURNS_MAX + 1):
            for name in names:
                enough = len(times[name]) >= TURNS_MIN and spent[name] >= seconds_each
                if name in trouble or enough or (times[name] and spent[name] > 2 * seconds_each):
                    continue
                try:
                    slowest, used = self.run(name, count, batch[name], warm)
                except (Trouble, OSError) as error:
                    trouble[name] = str(error)
                    self.end(name)
                    continue
                spent[name] += sum(slowest)
                if turn == 0 and sum(slowest) < seconds_each / 2:
                    # The first one warmed up; it says how many make a batch.
                    batch[name] = max(1, min(BATCH_MAX, int(BATCH_SECONDS / slowest[0])))
                    continue
                times[name] += slowest
                processor[name] += used
        return [(name, times[name], processor[name], trouble.get(name)) for name in names]

    # MARK: Ending

    def end(self, name):
        for rank in self.members.pop(name, {}).values():
            rank.socket.close()
        started = self.processes.pop(name, [])
        for process, _ in started:
            process.stdin.close()
        until = time.monotonic() + ENDING_SECONDS_MAX
        for process, _ in started:
            try:
                process.wait(max(0.01, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()

    def close(self):
        for name in list(self.processes):
            self.end(name)
        self.listener.close()
        subprocess.run(["rm", "-rf", self.folder], check=False)


class Rank:
    def __init__(self, connection):
        self.socket, self.rest = connection, b""

    def say(self, line):
        self.socket.settimeout(5)
        self.socket.sendall(line.encode() + b"\n")

    def line(self, end):
        """The next line's words; none when the rank has gone."""
        while b"\n" not in self.rest:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            got = self.socket.recv(1 << 16)
            if not got:
                return []
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode().split()


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
