# SPDX-License-Identifier: Apache-2.0
"""Who can be measured: what each needs, how its ranks are started."""

import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
COMPILE_SECONDS_MAX = 120
PROBE_SECONDS_MAX = 60


class Missing(Exception):
    """Not here; says how to get it."""


def _succeeds(words):
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, timeout=PROBE_SECONDS_MAX)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


class Workshop:
    """Finds and compiles what contestants need, once, into a folder that is thrown away."""

    def __init__(self, folder):
        self.folder = folder
        self.python = os.environ.get("PYTHON") or sys.executable

    def compiled(self, source, compiler):
        program = os.path.join(self.folder, f"{pathlib.Path(source).stem}-{os.path.basename(compiler)}")
        if not os.path.exists(program):
            subprocess.run(
                [compiler, "-O3", "-march=native", "-o", program, str(HERE / source)], check=True,
                timeout=COMPILE_SECONDS_MAX)
        return program

    def module(self, name, install):
        if _succeeds([self.python, "-c", f"import {name}"]) is None:
            raise Missing(f"{self.python} has no {name}: {install}, or name another in PYTHON")


class Contestant:
    """One entry of the table. `prepare` finds what it needs or throws `Missing`."""

    def __init__(self, name, title, profiles=None):
        self.name, self.title, self.profiles = name, title, profiles

    def prepare(self, shop):
        raise NotImplementedError

    def start(self, cell):
        """Starts all ranks in a cell."""
        for rank in range(cell.world):
            cell.spawn(self.name, rank, self.words(cell), self.environment(cell))

    def words(self, cell):
        raise NotImplementedError

    def environment(self, cell):
        return {}


class Bare(Contestant):
    def __init__(self, connections):
        noun = "connection" if connections == 1 else "connections"
        super().__init__(
            "bare" if connections == 1 else f"bare-{connections}",
            f"bare-socket ring, {connections} {noun}")
        self.connections = connections

    def prepare(self, shop):
        compiler = shutil.which("cc") or shutil.which("clang")
        if compiler is None:
            raise Missing("no C compiler: install clang or gcc")
        self.program = shop.compiled("bare_ring.c", compiler)

    def words(self, cell):
        return [self.program]

    def environment(self, cell):
        return {"BENCH_CONNECTIONS": str(self.connections)}


class Ferry(Contestant):
    def __init__(self, name, sealing, codec="f32"):
        super().__init__(name, f"Ferry, {sealing}" + ("" if codec == "f32" else f", {codec}"))
        self.sealing, self.codec = sealing, codec

    def prepare(self, shop):
        suffix = "dylib" if sys.platform == "darwin" else "so"
        library = os.environ.get("FERRY_LIBRARY") or str(ROOT / f".build/release/libFerryC.{suffix}")
        if not os.path.exists(library):
            raise Missing(f"{library} is not there: swift build -c release --product FerryC")
        self.library, self.python = library, shop.python

    def words(self, cell):
        return [self.python, str(HERE / "ferry_member.py"), self.sealing, self.codec]

    def environment(self, cell):
        return {"FERRY_LIBRARY": self.library}


class Gloo(Contestant):
    def __init__(self):
        super().__init__("gloo", "Gloo (PyTorch)")

    def prepare(self, shop):
        shop.module("torch", "pip install torch")
        self.python = shop.python

    def words(self, cell):
        return [self.python, str(HERE / "gloo_member.py")]

    def environment(self, cell):
        return {"GLOO_SOCKET_IFNAME": cell.device, "USE_LIBUV": "0"}


class MLX(Contestant):
    def __init__(self):
        super().__init__("mlx", "MLX ring")

    def prepare(self, shop):
        shop.module("mlx.core", "pip install 'mlx[cpu]'")
        self.python = shop.python

    def words(self, cell):
        return [self.python, str(HERE / "mlx_member.py")]


class PCCL(Contestant):
    def __init__(self, connections):
        noun = "connection" if connections == 1 else "connections"
        super().__init__(
            "pccl" if connections == 1 else f"pccl-{connections}", f"PCCL, {connections} {noun}")
        self.connections = connections

    def prepare(self, shop):
        self.library = os.environ.get("PCCL_LIBRARY") or self._installed(shop)
        if not self.library or not os.path.exists(self.library):
            raise Missing(
                "no libpccl: pip install pypccl where there is a wheel, or build "
                "PrimeIntellect-ai/pccl with -DPCCL_BUILD_STATIC_LIB=OFF, and name it in PCCL_LIBRARY")
        self.python = shop.python

    @staticmethod
    def _installed(shop):
        found = _succeeds([shop.python, "-c", (
            "import importlib.util, pathlib\n"
            "spec = importlib.util.find_spec('pccl')\n"
            "print(*pathlib.Path(spec.origin).parent.glob('libpccl.*'))")])
        return (found or "").split(" ")[0].strip()

    def start(self, cell):
        master = cell.address(self.name, cell.world)
        environment = {"PCCL_LIBRARY": self.library, "BENCH_MASTER": master}
        words = [self.python, str(HERE / "pccl_member.py")]
        cell.spawn(self.name, 0, words + ["master"], environment, is_rank=False)
        for rank in range(cell.world):
            cell.spawn(self.name, rank, words + [str(self.connections)], environment)


class MPI(Contestant):
    def __init__(self, name, title, compiler, runner, install, profiles=None):
        super().__init__(name, title, profiles)
        self.compiler, self.runner, self.install = compiler, runner, install

    def prepare(self, shop):
        compiler, self.run = shutil.which(self.compiler), shutil.which(self.runner)
        if compiler is None or self.run is None:
            raise Missing(f"{self.compiler} or {self.runner} is not there: {self.install}")
        self.program = shop.compiled("mpi_allreduce.c", compiler)

    def start(self, cell):
        cell.spawn(self.name, 0, self.words(cell), self.environment(cell), is_rank=False)


class OpenMPI(MPI):
    def __init__(self, name, title, transports, profiles=None):
        super().__init__(
            name, title, "mpicc.openmpi", "mpirun.openmpi",
            "apt install libopenmpi-dev openmpi-bin", profiles)
        self.transports = transports

    def words(self, cell):
        words = [self.run, "--allow-run-as-root", "--oversubscribe", "-np", str(cell.world)]
        words += ["--mca", "btl", self.transports, "--mca", "pml", "ob1"]
        words += ["--mca", "btl_tcp_if_include", cell.device]
        words += ["--mca", "oob_tcp_if_include", cell.device]
        if cell.is_laboratory:
            words += ["--host", ",".join(cell.hosts), "--mca", "plm_rsh_agent", str(HERE / "reach")]
        for name in ("BENCH_SOCKET", "BENCH_NAME"):
            words += ["-x", name]
        return words + [self.program]


class MPICH(MPI):
    def __init__(self):
        super().__init__(
            "mpich", "MPICH, TCP", "mpicc.mpich", "mpiexec.hydra",
            "apt install libmpich-dev mpich")

    def words(self, cell):
        words = [self.run, "-n", str(cell.world)]
        if cell.is_laboratory:
            words += ["-hosts", ",".join(cell.hosts), "-launcher", "ssh"]
            words += ["-launcher-exec", str(HERE / "reach"), "-iface", cell.device]
            words = [str(HERE / "reach"), cell.hosts[0], *words]
        return words + [self.program]

    def environment(self, cell):
        # All hosts of a laboratory have one name: nothing may go past the links.
        return {"MPIR_CVAR_NOLOCAL": "1", "UCX_TLS": "tcp,self", "UCX_NET_DEVICES": cell.device}


def all_contestants():
    return [
        Bare(1), Bare(8), Ferry("ferry", "encrypted"), Ferry("ferry-clear", "clear"),
        Ferry("ferry-int8", "encrypted", "int8"), Gloo(), PCCL(1), PCCL(8),
        OpenMPI("openmpi", "Open MPI, TCP", "tcp,self"),
        OpenMPI("openmpi-shared", "Open MPI, shared memory", "vader,self", {"loopback"}),
        MPICH(), MLX(),
    ]
