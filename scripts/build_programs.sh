#!/bin/sh
# Builds every C program of this project to WebAssembly, beside its source. What it writes is committed, so
# only someone who changes a .c or .h file needs this script and the compiler.
#
#   scripts/build_programs.sh            build all
#   scripts/build_programs.sh --check    build all elsewhere and compare with what is committed
#   scripts/build_programs.sh FILE.c ... build these
#
# Needs Debian 12's packages: clang lld wasi-libc libclang-rt-14-dev-wasm32. With these versions (clang
# 14.0.6) the output is the same byte for byte on every machine.
set -eu
cd "$(dirname "$0")/.."

CLANG=${CLANG:-clang}
if ! command -v "$CLANG" >/dev/null; then
  echo "build_programs: no clang; install: apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32" >&2
  exit 1
fi

# No SIMD. Sign extension, saturating conversions and bulk memory are what today's compilers emit by default.
COMPILE="--target=wasm32-wasi -O2 -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-unused-function
  -msign-ext -mnontrapping-fptoint -mbulk-memory -ffile-prefix-map=$PWD=."
# The link step has no -O: with it the driver would run whatever wasm-opt it finds. Names are kept, DWARF of the C library is not.
LINK="--target=wasm32-wasi -Wl,--strip-debug -Wl,-z,stack-size=1048576 -Wl,--stack-first"
REACTOR="-nostartfiles -Wl,--no-entry -Wl,--export=run"

# Options of single programs.
link_options() {
  case $1 in
    bench/kernels/* | bench/capture.c) echo "$REACTOR" ;;
    tests/programs/grow.c) echo "-Wl,--max-memory=67108864" ;;
  esac
}

objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT

# build SOURCE TARGET
build() {
  # shellcheck disable=SC2086,SC2046
  "$CLANG" $COMPILE -c "$1" -o "$objects/object.o"
  # shellcheck disable=SC2086,SC2046
  "$CLANG" $LINK $(link_options "$1") "$objects/object.o" -o "$2"
}

# debug NAME TARGET: the program with debug information, as its name says, and without a library
debug() {
  case $1 in
    orbit_dwarf4) how="-O1 -gdwarf-4" ;;
    orbit_dwarf5) how="-O1 -gdwarf-5" ;;
    orbit_plain) how="-O0 -gdwarf-4" ;;
  esac
  # shellcheck disable=SC2086
  "$CLANG" $COMPILE $how -fno-builtin -c tests/inspect/orbit.c -o "$objects/object.o"
  "$CLANG" --target=wasm32-wasi -nostdlib -Wl,--no-entry -Wl,-z,stack-size=65536 "$objects/object.o" -o "$2"
}
DEBUG="orbit_dwarf4 orbit_dwarf5 orbit_plain"

sources() {
  ls examples/*.c tests/programs/*.c bench/*.c bench/kernels/*.c bench/long/*.c
}

if [ "${1:-}" = --check ]; then
  wrong=0
  compare() {
    if cmp -s "$objects/built.wasm" "$1"; then return; fi
    echo "differs: $1" >&2
    wrong=1
  }
  for source in $(sources); do
    build "$source" "$objects/built.wasm"
    compare "${source%.c}.wasm"
  done
  for name in $DEBUG; do
    debug "$name" "$objects/built.wasm"
    compare "tests/inspect/$name.wasm"
  done
  exit $wrong
fi

for name in $DEBUG; do
  debug "$name" "tests/inspect/$name.wasm"
done

for source in ${*:-$(sources)}; do
  build "$source" "${source%.c}.wasm"
done
