# SPDX-License-Identifier: Apache-2.0
"""Packs the package and libFerryC into a wheel, by the standard library alone.

python3 build_wheel.py LIBRARY OUT [VERSION]

The wheel's tag names this machine's platform and no Python: the package speaks to the library by
ctypes, so that one wheel fits every Python 3.9 and later, and nothing is compiled by its user.
"""

import base64
import hashlib
import pathlib
import sys
import sysconfig
import zipfile

PACKAGE = pathlib.Path(__file__).resolve().parent / "ferry"
# Files carry one date, so that equal contents give equal wheels.
DATE = (2020, 1, 1, 0, 0, 0)


def metadata(version):
    return f"""Metadata-Version: 2.1
Name: ferry
Version: {version}
Summary: Sums over a group of processes that come and go, over links that may break
License: Apache-2.0
Requires-Python: >=3.9
Provides-Extra: ot
Requires-Dist: numpy ; extra == "ot"
Description-Content-Type: text/plain

One process founds a group, others join it at any time, any of them may be killed, and the rest go on.
numpy arrays, torch CPU tensors and whatever has DLPack are summed where they lie. ferry.ot is optimal transport, and needs numpy: pip install "ferry[ot]".
"""


def build(library, out, version):
    tag = "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")
    files = {f"ferry/{file.name}": file.read_bytes() for file in sorted(PACKAGE.glob("*.py"))}
    files[f"ferry/{library.name}"] = library.read_bytes()
    info = f"ferry-{version}.dist-info"
    files[f"{info}/METADATA"] = metadata(version).encode()
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: ferry\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    )
    record = f"{info}/RECORD"
    lines = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}")
    files[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    out.mkdir(parents=True, exist_ok=True)
    wheel = out / f"ferry-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if name.endswith((".so", ".dylib")) else 0o644) << 16
            archive.writestr(entry, content)
    return wheel


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    version = sys.argv[3] if len(sys.argv) > 3 else "0.1.0"
    print(build(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), version))
