# SPDX-License-Identifier: Apache-2.0
"""DiLoCo over a group that changes: what diloco_torch.py and diloco_plain.py have in common.

Every peer trains its own copy on its own part of the text. After some steps all average how far they
moved, and step from where they last agreed (outer Nesterov momentum). Peers may be killed and may
join at any time; whoever joins gets the parameters and the momentum from the others.

On several machines:   python diloco_torch.py found --listen 0.0.0.0:7700     prints the next line
                       python diloco_torch.py join SECRET HOST:7700
On this one:           python diloco_torch.py local --peers 3 --kill 5 --newcomer 10
"""

import argparse
import array
import hashlib
import os
import pydoc_data.topics
import signal
import subprocess
import sys
import threading

import ferry

OUTER_RATE, OUTER_MOMENTUM = 0.7, 0.9
SECONDS = 120


def text():
    """English that every Python has: its language reference."""
    return "\n".join(pydoc_data.topics.topics.values()).encode("ascii", "replace")


def train(group, model, rounds, together, seed):
    """Outer steps until the group has done ``rounds``, the last with at least ``together`` peers.

    Returns the parameters that all agree on. All see the same counts, so all end after one round.
    """
    agreed, momentum = model.parameters(), model.zeros()
    if group.round > 0:
        group.read_state("parameters", agreed)
        group.read_state("momentum", momentum)
    peers = 0
    while group.round < rounds or peers < together:
        model.load(agreed)
        # Peers draw different samples in each round, and none has to know of the others.
        loss, samples = model.train(f"{seed}/{group.round}")
        change = model.difference(agreed, model.parameters())
        try:
            group.set_state("parameters", agreed)
            group.set_state("momentum", momentum)
            done = group.all_reduce(change, weight=samples, seconds=SECONDS)
        except ferry.Evicted:
            group.reload(seconds=SECONDS)
            group.read_state("parameters", agreed)
            group.read_state("momentum", momentum)
            continue
        model.step(agreed, momentum, change, OUTER_RATE, OUTER_MOMENTUM)
        peers = done.contributors
        say(f"round {done.number} peers {done.contributors} loss {loss:.4f}")
    return agreed


def check(group, model, agreed):
    """One more round: the mean of all digests is everybody's own only if all are equal."""
    digest = hashlib.sha256(model.bytes(agreed)).digest()
    mean = array.array("f", list(digest))
    group.set_state("parameters", agreed)
    done = group.all_reduce(mean, seconds=SECONDS)
    equal = all(abs(a - b) < 0.01 for a, b in zip(mean, digest))
    say(f"parameters {'equal' if equal else 'DIFFER'} on {done.contributors} {digest.hex()[:16]}")
    return equal


def say(line):
    # At once, so that lines of several threads do not mix.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def take_part(make_model, words):
    """One peer, from its first to its last round."""
    model = make_model()
    if words.command == "found":
        secret = ferry.new_secret()
        group = ferry.Group.found("diloco", secret, listen=words.listen, members=words.peers)
        say(f"join {secret} {group.address}")
    else:
        group = ferry.Group.join(
            "diloco", words.secret, words.address, listen=words.listen, members=words.peers,
            seconds=SECONDS)
        say(f"joined {group.address} round {group.round}")
    with group:
        agreed = train(group, model, words.rounds, words.together, os.getpid())
        return 0 if check(group, model, agreed) else 1


class Peer:
    """A process of this same program, and what it says."""

    def __init__(self, name, words, members, watch):
        self.name, self.killed = name, False
        self.first = threading.Event()
        self.lines = []
        options = ["--peers", str(members), "--rounds", str(watch.rounds)]
        options += ["--together", str(watch.together)]
        self.process = subprocess.Popen(
            [sys.executable, sys.argv[0], *words, *options], stdout=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self.read, args=(watch,))
        self.thread.start()

    def read(self, watch):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            self.first.set()
            if not line.startswith("join "):
                say(f"{self.name}: {line.rstrip()}")
            watch(self, line)
        self.first.set()

    def kill(self):
        self.killed = True
        say(f"{self.name}: killed")
        self.process.send_signal(signal.SIGKILL)


def launch(words):
    """Peers as processes of this machine; kills the founder, starts a newcomer, when told to."""
    reached = {"kill": threading.Event(), "newcomer": threading.Event()}

    def watch(peer, line):
        parts = line.split()
        for name, event in reached.items():
            at = getattr(words, name)
            if parts[0] == "round" and at is not None and int(parts[1]) >= at:
                event.set()

    watch.rounds = words.rounds
    # A newcomer's process takes seconds to start: the run goes on until it took part.
    watch.together = words.peers - (words.kill is not None) + (words.newcomer is not None)
    founder = Peer("peer 1", ["found"], words.peers, watch)
    founder.first.wait(SECONDS)
    if not founder.lines:
        sys.exit("diloco: the first peer did not start")
    _, secret, address = founder.lines[0].split()
    peers = [founder]
    for number in range(2, words.peers + 1):
        peers.append(Peer(f"peer {number}", ["join", secret, address], words.peers, watch))
    if words.kill is not None and reached["kill"].wait(SECONDS):
        founder.kill()
    if words.newcomer is not None and reached["newcomer"].wait(SECONDS):
        # By a peer that lives: nobody is special, the founder neither.
        door = next(line.split()[1] for line in peers[-1].lines if line.startswith("joined "))
        peers.append(
            Peer(f"peer {len(peers) + 1}", ["join", secret, door], words.peers, watch))
    ends = []
    for peer in peers:
        peer.process.wait()
        peer.thread.join()
        if not peer.killed:
            ends.append(peer.lines[-1] if peer.process.returncode == 0 else f"{peer.name} failed")
    alike = len(set(ends)) == 1 and ends[0].startswith("parameters equal")
    say(f"{len(ends)} peers ended alike" if alike else f"peers ended differently: {ends}")
    return 0 if alike else 1


def main(make_model):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("found", "join", "local"):
        command = commands.add_parser(name)
        command.add_argument("--rounds", type=int, default=20, help="outer steps")
        command.add_argument("--peers", type=int, default=2, help="the first round waits for them")
        if name == "join":
            command.add_argument("secret")
            command.add_argument("address", metavar="HOST:PORT")
        if name == "local":
            command.add_argument("--kill", type=int, help="kill the first peer after this round")
            command.add_argument("--newcomer", type=int, help="start one more after this round")
        else:
            command.add_argument("--together", type=int, default=1, help="so must the last round")
            command.add_argument("--listen", metavar="HOST:PORT", help="where others reach this peer")
    words = parser.parse_args()
    sys.exit(launch(words) if words.command == "local" else take_part(make_model, words))
