#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up what Ferry builds on and is not a Swift package: OpenBLAS, pkg-config and the MLX engine.
# Runs any number of times; does only what is missing. `make` calls it before everything else.
#
#   as root (or with sudo):  installs Debian packages, MLX under /usr/local/lib/ferry-mlx
#   without root:            FERRY_MLX_PREFIX=$HOME/.local/lib/ferry-mlx make …   (see Docs/install.md)
#   another OpenBLAS:        FERRY_OPENBLAS=/path/to/libopenblas.so.0
#   another engine:          FERRY_MLX_VARIANT=mlx-cuda-13 or mlx-metal, with its FERRY_MLX_SHA256
set -euo pipefail

VERSION=0.32.4
VARIANT=${FERRY_MLX_VARIANT:-mlx-cpu}
PREFIX=${FERRY_MLX_PREFIX:-/usr/local/lib/ferry-mlx}
PACKAGES=(pkg-config patchelf libopenblas-dev python3 python3-pip)

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
  printf 'setup: %s\n' "$1" >&2
  shift
  for remedy in "$@"; do printf '       %s\n' "$remedy" >&2; done
  exit 1
}

# The wheels we have checked; another one needs its sum in FERRY_MLX_SHA256.
checksum_of() {
  case "$1" in
    mlx-cpu-linux-x86_64) echo 0e0a24fa2ce8b6b94d2e6a90604e8813aa8e29fcb918bb2aa01cfb6d133d8cee ;;
    *) echo "" ;;
  esac
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else return 1; fi
}

command -v swift >/dev/null || fail "swift is not installed." "Install Swift 6.3 or later from swift.org, then run this again."

system=$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)
if [ "${system%%-*}" = linux ]; then
  missing=()
  # SwiftPM reads mlx.pc itself; it asks pkg-config only where else to look.
  [ -n "${FERRY_MLX_PREFIX:-}" ] || command -v pkg-config >/dev/null || missing+=(pkg-config)
  command -v patchelf >/dev/null || missing+=(patchelf)
  python3 -m pip --version >/dev/null 2>&1 || missing+=(python3 python3-pip)
  if [ -n "${FERRY_OPENBLAS:-}" ]; then
    [ -f "$FERRY_OPENBLAS" ] || fail "FERRY_OPENBLAS=$FERRY_OPENBLAS is no file." "Name the file libopenblas.so.0 itself."
  elif [ -z "$(/sbin/ldconfig -p | awk '/libopenblas\.so\.0 /{p=$NF} END{print p}')" ]; then
    missing+=(libopenblas-dev)
  fi
  if [ ${#missing[@]} -gt 0 ]; then
    command -v apt-get >/dev/null ||
      fail "missing: ${missing[*]}, and this system has no apt-get." "Install them with your package manager (${PACKAGES[*]}), then run this again."
    say "installing ${missing[*]}"
    { as_root apt-get update -qq &&
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; } ||
      fail "could not install ${missing[*]}." "Ask an administrator to run: apt-get install ${missing[*]}" "Then run this again; nothing after this step needs root. Or bring them without root: Docs/install.md."
  fi
fi

OPENBLAS=${FERRY_OPENBLAS:-$(/sbin/ldconfig -p 2>/dev/null | awk '/libopenblas\.so\.0 /{p=$NF} END{print p}' || true)}
pc=$(mktemp)
trap 'rm -rf "${fresh:-}" "$pc"' EXIT
stamp="$VARIANT-$VERSION-$system-$OPENBLAS"
if [ "$(cat "$PREFIX/.stamp" 2>/dev/null || true)" != "$stamp" ]; then
  if ! mkdir -p "$PREFIX" 2>/dev/null || ! [ -w "$PREFIX" ]; then
    fail "cannot write $PREFIX." "Run this as root, or choose a folder of your own: export FERRY_MLX_PREFIX=\$HOME/.local/lib/ferry-mlx" "and PKG_CONFIG_PATH=\$FERRY_MLX_PREFIX (Docs/install.md)."
  fi
  fresh=$(mktemp -d)
  say "fetching $VARIANT $VERSION"
  python3 -m pip download --quiet --no-deps --only-binary=:all: -d "$fresh" "$VARIANT==$VERSION" ||
    fail "pip could not fetch $VARIANT $VERSION." "Check the network and pip's index; MLX's Linux wheel needs glibc 2.35 (Debian 12, Ubuntu 22.04) or newer."
  wheel=$(find "$fresh" -name '*.whl')
  expected=${FERRY_MLX_SHA256:-$(checksum_of "$VARIANT-$system")}
  found=$(python3 -c 'import hashlib,sys; print(hashlib.sha256(open(sys.argv[1],"rb").read()).hexdigest())' "$wheel")
  if [ -z "$expected" ]; then
    fail "no SHA-256 is on record for $VARIANT on $system; the wheel's is $found." "If you trust it: FERRY_MLX_SHA256=$found"
  elif [ "$expected" != "$found" ]; then
    fail "the wheel's SHA-256 is $found, expected $expected." "The download is damaged or not the file we checked; nothing was installed."
  fi
  rm -rf "$PREFIX/mlx" "$PREFIX"/mlx_*.libs
  python3 -m zipfile -e "$wheel" "$PREFIX"
  library=$PREFIX/mlx/lib/libmlx.so
  if [ -f "$library" ]; then
    [ -n "$OPENBLAS" ] || fail "libopenblas.so.0 was not found." "Install libopenblas0-pthread, or name the file in FERRY_OPENBLAS."
    if [ -n "${FERRY_OPENBLAS:-}" ]; then
      # The loader does not look where it lies: a copy that knows its own path and its neighbours'.
      cp -L "$FERRY_OPENBLAS" "$PREFIX/libopenblas.so"
      chmod u+w "$PREFIX/libopenblas.so"
      folder=$(dirname "$FERRY_OPENBLAS")
      patchelf --set-soname "$PREFIX/libopenblas.so" --set-rpath "$folder:$(dirname "$folder")" "$PREFIX/libopenblas.so"
      OPENBLAS=$PREFIX/libopenblas.so
    fi
    # SwiftPM refuses an rpath from pkg-config; an absolute SONAME makes the linker record the whole path.
    patchelf --set-soname "$library" "$library"
    # The wheel brings the reference BLAS, which is 30 times slower than OpenBLAS.
    for needed in $(patchelf --print-needed "$library" | grep -E '^lib(blas|lapack)-' || true); do
      patchelf --replace-needed "$needed" "$OPENBLAS" "$library"
    done
  fi
  echo "$stamp" > "$PREFIX/.stamp"
fi

[ -n "${FERRY_OPENBLAS:-}" ] && OPENBLAS=$PREFIX/libopenblas.so
blas=""
[ -n "$OPENBLAS" ] && blas="-L$(dirname "$(readlink -f "$OPENBLAS")") -lopenblas"
cat > "$pc" <<PC
prefix=$PREFIX/mlx
libdir=\${prefix}/lib
Name: mlx
Description: MLX array framework, the $VARIANT wheel
Version: $VERSION
Cflags: -I\${prefix}/include
Libs: -L\${libdir} -lmlx $blas
PC
if [ "$PREFIX" = /usr/local/lib/ferry-mlx ]; then
  target=/usr/local/lib/pkgconfig/mlx.pc
else
  target=$PREFIX/mlx.pc
  case ":${PKG_CONFIG_PATH:-}:" in
    *":$PREFIX:"*) ;;
    *) say "note: export PKG_CONFIG_PATH=$PREFIX before calling swift build yourself (make does it for you)" ;;
  esac
fi
if ! cmp -s "$pc" "$target"; then
  { mkdir -p "$(dirname "$target")" && cp "$pc" "$target" && chmod 644 "$target"; } 2>/dev/null ||
    fail "cannot write $target." "Run this as root once, or choose a folder of your own: export FERRY_MLX_PREFIX=\$HOME/.local/lib/ferry-mlx (Docs/install.md)."
fi
