# SPDX-License-Identifier: Apache-2.0
"""Hosts of the network laboratory: network namespaces with a TUN device, made by plain system calls.

Everything lives in namespaces of its own (process ids and mounts too), which the kernel takes away
with the laboratory's first process, however it dies. What can be left is a directory in /tmp; its
lock tells whether it is stale.
"""

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import tempfile
import time

HOSTS_MAX = 32
CLAIM_SECONDS_MAX = 60
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG = 1
TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4 = 1, 2
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK = 0x8913, 0x8914, 0x8916, 0x891C
SIOCSIFMTU, SIOCSIFTXQLEN, IFF_UP = 0x8922, 0x8943, 1
DEVICE = b"netlab"
# Packets that wait in the device when the emulator is late; 500 otherwise, 6 ms at 1 Gbit/s.
DEVICE_QUEUE = 4000

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name, *arguments):
    if getattr(_libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def unshare(flags):
    _call("unshare", flags)


def enter(path):
    """Moves this process into the namespace that `path` names."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call("setns", descriptor, 0)
    finally:
        os.close(descriptor)


def die_with_parent():
    _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def address(host):
    return f"10.77.0.{host}"


def isolate():
    """Gives this process namespaces in which it may make hosts; its next child is their process 1.

    Without the right to do so it becomes root of a user namespace first.
    """
    try:
        unshare(CLONE_NEWPID)
        return
    except PermissionError:
        user, group = os.geteuid(), os.getegid()
        unshare(CLONE_NEWUSER | CLONE_NEWPID)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def isolate_mounts():
    unshare(CLONE_NEWNS)
    _call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    try:
        _call("mount", b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None)
    except OSError:
        pass  # Containers may forbid it; programs then see process ids of outside.


def _configure(host, mtu, congestion):
    """Names the device and brings it up in the present network namespace; returns its descriptor."""
    def request(payload):
        return struct.pack("16s24s", DEVICE, payload)

    def internet(dotted):
        return request(struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(dotted)))

    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(device, TUNSETIFF, request(struct.pack("=H", IFF_TUN | IFF_NO_PI | IFF_VNET_HDR)))
    fcntl.ioctl(device, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, SIOCSIFMTU, request(struct.pack("=i", mtu)))
        try:
            fcntl.ioctl(handle, SIOCSIFTXQLEN, request(struct.pack("=i", DEVICE_QUEUE)))
        except PermissionError:
            pass  # The kernel wants the machine's root for this one; 500 must do then.
        fcntl.ioctl(handle, SIOCSIFADDR, internet(address(host)))
        fcntl.ioctl(handle, SIOCSIFNETMASK, internet("255.255.255.0"))
        for name in (DEVICE, b"lo"):
            flags = fcntl.ioctl(handle, SIOCGIFFLAGS, struct.pack("16s24s", name, b""))
            flags = struct.unpack_from("=H", flags, 16)[0] | IFF_UP
            fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sH22x", name, flags))
    if congestion:
        with open("/proc/sys/net/ipv4/tcp_congestion_control", "w") as file:
            file.write(congestion)
    return device


def enter_laboratory(directory):
    """Moves this process, and the process ids of its children, into a laboratory that runs."""
    with open(os.path.join(directory, "process")) as file:
        process = int(file.read())
    kinds = ["user", "pid", "mnt"]
    if os.stat("/proc/self/ns/user").st_ino == os.stat(f"/proc/{process}/ns/user").st_ino:
        kinds.remove("user")
    for descriptor in [os.open(f"/proc/{process}/ns/{kind}", os.O_RDONLY) for kind in kinds]:
        _call("setns", descriptor, 0)
        os.close(descriptor)


def make(count, directory, mtu=1500, congestion=None):
    """Makes hosts 1 … count, each entered by `enter(directory/host-N)`; returns their TUN descriptors."""
    devices = []
    for host in range(1, count + 1):
        unshare(CLONE_NEWNET)
        path = os.path.join(directory, f"host-{host}")
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        # Mounted in our own mount namespace: it keeps the host alive, and goes when we go.
        _call("mount", b"/proc/self/ns/net", path.encode(), None, MS_BIND, None)
        devices.append(_configure(host, mtu, congestion))
    unshare(CLONE_NEWNET)  # The laboratory itself is on none of its hosts.
    return devices


def why_not(congestion=None):
    """None if hosts can be made here, otherwise the reason."""
    if not hasattr(os, "fork") or not os.path.isdir("/proc/self/ns"):
        return "there are no Linux namespaces here"
    if not os.path.exists("/dev/net/tun"):
        return "/dev/net/tun is missing"
    directory = tempfile.mkdtemp(prefix="netlab-check-")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        reason = ""
        try:
            signal.alarm(10)
            isolate()
            inner = os.fork()
            if inner == 0:
                die_with_parent()
                isolate_mounts()
                make(1, directory, congestion=congestion)
                os._exit(0)
            os.waitpid(inner, 0)[1] == 0 or os._exit(1)
        except Exception as error:
            reason = str(error)
        finally:
            os.write(writing, reason.encode() or b"\n")
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        reason = pipe.read().decode().strip("\n") if child else ""
    failed = os.waitpid(child, 0)[1] != 0
    shutil.rmtree(directory, ignore_errors=True)
    return reason or ("making one host failed" if failed else None)


# MARK: Directories, one a laboratory: lock, process id, control socket, names of hosts


def home():
    return os.path.join(tempfile.gettempdir(), f"netlab-{os.geteuid()}")


def claim(name):
    """A new directory, locked for as long as this process and those it started live."""
    os.makedirs(home(), mode=0o700, exist_ok=True)
    remove_stale()
    directory = os.path.join(home(), name)
    fresh = tempfile.mkdtemp(prefix="new-", dir=home())
    lock = os.open(os.path.join(fresh, "lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        os.rename(fresh, directory)  # Fails if one of that name runs: its directory is not empty.
    except OSError:
        shutil.rmtree(fresh)
        raise
    return directory


def remove_stale():
    """Removes what laboratories left that were killed; returns their names."""
    removed = []
    for name in running(stale=True):
        shutil.rmtree(os.path.join(home(), name), ignore_errors=True)
        removed.append(name)
    return removed


def running(stale=False):
    """Names of the laboratories that run, or of those that no longer do."""
    names = []
    for name in sorted(os.listdir(home())) if os.path.isdir(home()) else []:
        path = os.path.join(home(), name, "lock")
        try:
            lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue  # Just being made, or just removed.
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_stale = True
        except BlockingIOError:
            is_stale = False
        finally:
            os.close(lock)
        if name.startswith("new-"):  # Made and not locked yet, or left so by one that was killed.
            is_stale = is_stale and time.time() - os.stat(path).st_mtime > CLAIM_SECONDS_MAX
        if is_stale == stale:
            names.append(name)
    return names


def directory_of(name):
    return os.path.join(home(), name)
