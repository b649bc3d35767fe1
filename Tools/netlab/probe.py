# SPDX-License-Identifier: Apache-2.0
"""Measures a network laboratory from inside: `netlab run --on 1 -- python3 probe.py WHAT …`.

One process with sockets on several hosts (a socket stays on the host where it was made), so nothing
has to be synchronised. Prints one JSON object; every wait has a deadline.

  rtt FROM TO COUNT             round trips of a 64-byte datagram, in milliseconds
  stream SECONDS A B [C D …]    TCP from A to B (and C to D …) at once, in Mbit/s of payload
  datagrams FROM TO COUNT BYTES numbered datagrams: which arrived
  transfer FROM TO BYTES        TCP with content that is compared
  change FROM TO                round trips before and after the delay is changed
  cut FROM TO                   datagrams each way: with a one-way cut, with both, healed
"""

import ctypes
import json
import os
import random
import socket
import statistics
import sys
import time

WAIT_SECONDS_MAX = 20
LAB = os.environ["NETLAB_DIRECTORY"]
libc = ctypes.CDLL(None, use_errno=True)


def socket_on(host, kind):
    """A socket bound to an address of `host`; this process ends up on that host."""
    with open(os.path.join(LAB, f"host-{host}")) as file:
        if libc.setns(file.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    made = socket.socket(socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((f"10.77.0.{host}", 0))
    made.settimeout(WAIT_SECONDS_MAX)
    return made


def control(line):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as handle:
        handle.settimeout(WAIT_SECONDS_MAX)
        handle.connect(os.environ["NETLAB_CONTROL"])
        handle.sendall(line.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += handle.recv(1 << 16)
    if line != "counters":
        assert answer == b"ok\n", answer
        return None
    return json.loads(answer)


def settle():
    """Returns the counters once no packet is on its way."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < deadline:
        counters = control("counters")
        if counters["in_flight"] == 0:
            return counters
    raise TimeoutError("packets stay on their way")


def round_trips(sender, receiver, count):
    a, b = socket_on(sender, socket.SOCK_DGRAM), socket_on(receiver, socket.SOCK_DGRAM)
    a.settimeout(1)  # A lost one is sent again.
    child = os.fork()
    if child == 0:
        try:
            while True:
                text, source = b.recvfrom(2048)
                b.sendto(text, source)
        finally:
            os._exit(0)
    times = []
    for n in range(10 * count):
        begin = time.perf_counter_ns()
        a.sendto(b"%064d" % n, b.getsockname())
        try:
            while int(a.recv(2048)) != n:
                pass
        except TimeoutError:
            continue
        times.append((time.perf_counter_ns() - begin) / 1e6)
        if len(times) == count:
            break
    os.kill(child, 9)
    os.waitpid(child, 0)
    times.sort()
    return {"count": len(times), "min": times[0], "median": statistics.median(times),
            "p90": times[int(len(times) * 0.9)]}


def streams(seconds, flows):
    """Sends for `seconds`; what arrives in the second half counts."""
    children = []
    for sender, receiver in flows:
        listening = socket_on(receiver, socket.SOCK_STREAM)
        listening.listen(1)
        reading, writing = os.pipe()
        if os.fork() == 0:
            try:
                incoming = listening.accept()[0]
                incoming.settimeout(WAIT_SECONDS_MAX)
                room = bytearray(1 << 20)
                begin, total = time.monotonic(), 0
                half, end = begin + seconds / 2, begin + seconds
                first = None
                while (now := time.monotonic()) < end:
                    got = incoming.recv_into(room)
                    if got == 0:
                        break
                    if now >= half:
                        first = first or (now, total)
                    total += got
                rate = (total - first[1]) * 8e-6 / (now - first[0])
                os.write(writing, json.dumps(rate).encode())
            finally:
                os._exit(0)
        outgoing = socket_on(sender, socket.SOCK_STREAM)
        outgoing.connect(listening.getsockname())
        child = os.fork()
        if child == 0:
            try:
                block = bytes(1 << 20)
                while True:
                    outgoing.sendall(block)
            except OSError:
                os._exit(0)
        os.close(writing)
        outgoing.close()
        listening.close()
        children.append((child, reading))
    rates = []
    for _, reading in children:
        with os.fdopen(reading) as pipe:
            rates.append(round(json.loads(pipe.read()), 1))
    for child, _ in children:
        os.kill(child, 9)
    return {"mbit": rates, "sum": round(sum(rates), 1)}


def transfer(sender, receiver, count):
    listening, outgoing = socket_on(receiver, socket.SOCK_STREAM), socket_on(sender, socket.SOCK_STREAM)
    listening.listen(1)
    outgoing.connect(listening.getsockname())
    incoming = listening.accept()[0]
    incoming.settimeout(WAIT_SECONDS_MAX)
    content = random.Random(1).randbytes(count)
    child = os.fork()
    if child == 0:
        try:
            incoming.close()
            outgoing.sendall(content)
        finally:
            os._exit(0)
    outgoing.close()
    got = bytearray()
    while more := incoming.recv(1 << 20):
        got += more
    os.waitpid(child, 0)
    return {"bytes": len(got), "equal": got == content}


def datagrams(sender, receiver, count, size):
    """Sends batches that the receiver's buffer holds, each once the network is empty."""
    a, b = socket_on(sender, socket.SOCK_DGRAM), socket_on(receiver, socket.SOCK_DGRAM)
    b.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    b.setblocking(False)
    arrived, order, sent = set(), [], 0
    before = settle()
    delivered = 0
    while sent < count:
        for _ in range(min(200, count - sent)):
            a.sendto(sent.to_bytes(8, "big") + bytes(size - 8), b.getsockname())
            sent += 1
        offered = sent
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while True:
            pair = pair_of(settle(), sender, receiver)
            start = pair_of(before, sender, receiver)
            if pair["packets"] - start["packets"] == offered:
                break
            assert time.monotonic() < deadline, "the emulator does not see what was sent"
        try:
            while True:
                number = int.from_bytes(b.recv(65536)[:8], "big")
                arrived.add(number)
                order.append(number)
        except BlockingIOError:
            pass
        delivered = pair["delivered_packets"] - start["delivered_packets"]
    assert delivered == len(order), f"{delivered} delivered, {len(order)} read"
    late, newest = 0, -1
    for number in order:
        late += number < newest
        newest = max(newest, number)
    return {"sent": count, "arrived": len(order), "distinct": len(arrived), "late": late,
            "missing": sorted(set(range(count)) - arrived)}


def pair_of(counters, sender, receiver):
    return next(p for p in counters["pairs"] if (p["from"], p["to"]) == (sender, receiver))


def cuts(a, b):
    def both():
        return [datagrams(a, b, 50, 100)["arrived"], datagrams(b, a, 50, 100)["arrived"]]

    result = {"whole": both()}
    control(f"cut {a} {b}")
    result["one_way"] = both()
    control(f"cut {a} {b} both")
    result["both_ways"] = both()
    control("heal")
    result["healed"] = both()
    return result


def main():
    what, numbers = sys.argv[1], [float(word) for word in sys.argv[2:]]
    whole = [int(number) for number in numbers]
    if what == "rtt":
        result = round_trips(*whole)
    elif what == "stream":
        result = streams(numbers[0], list(zip(whole[1::2], whole[2::2])))
    elif what == "transfer":
        result = transfer(*whole)
    elif what == "datagrams":
        result = datagrams(*whole)
    elif what == "change":
        before = round_trips(*whole, 10)["median"]
        control(f"set {whole[0]} {whole[1]} delay=30ms")
        result = {"before": before, "after": round_trips(*whole, 10)["median"]}
    elif what == "cut":
        result = cuts(*whole)
    else:
        sys.exit(__doc__)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
