#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds one of our C libraries so that it runs where no Swift is: linked to the static Swift runtime.
#
#   Tools/standalone/build.sh PRODUCT PREFIX OUT     e.g. FerryC ferry_ dist/libFerryC.so
#
# Only names that begin with PREFIX are visible outside. SwiftPM compiles (in a folder of its own: the
# objects differ from those of the ordinary build) and then links a dynamic product to the dynamic
# runtime whatever it is told, so that on Linux we link once more. On macOS the runtime is the system's.
set -euo pipefail
cd "$(dirname "$0")/../.."

PRODUCT=$1 PREFIX=$2 OUT=$3
SWIFT=${SWIFT:-swift}
FOLDER=.build/standalone
mkdir -p "$(dirname "$OUT")"

if [ "$(uname -s)" = Darwin ]; then
  env -u FERRY_ROOM "$SWIFT" build -c release --product "$PRODUCT" --scratch-path "$FOLDER"
  cp "$FOLDER/release/lib$PRODUCT.dylib" "$OUT"
  exit
fi

TOOLCHAIN=$(dirname "$(dirname "$(readlink -f "$(command -v "$SWIFT")")")")
# The path is for that first link alone, which looks for what only the static runtime has.
env -u FERRY_ROOM "$SWIFT" build -c release --product "$PRODUCT" --scratch-path "$FOLDER" \
  --static-swift-stdlib -Xlinker "-L$TOOLCHAIN/lib/swift_static/linux" >&2
MAP=$(mktemp)
trap 'rm -f "$MAP"' EXIT
printf '{ global: %s*; local: *; };\n' "$PREFIX" >"$MAP"
"$TOOLCHAIN/bin/swiftc" -emit-library -static-stdlib -o "$OUT" \
  "@$FOLDER/release/$PRODUCT.product/Objects.LinkFileList" -lstdc++ -lm \
  -Xlinker -s -Xlinker --gc-sections -Xlinker "--version-script=$MAP" \
  -Xlinker -soname -Xlinker "lib$PRODUCT.so" >&2
echo "$OUT"
