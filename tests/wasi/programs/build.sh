#!/bin/sh
# Builds the programs of this folder. Linked without -O: the driver would run an old wasm-opt.
set -eu
cd "$(dirname "$0")"
for source in "${@:-*.c}"; do
  for file in $source; do
    clang --target=wasm32-wasi -Wall -Wextra -O2 -c "$file" -o "${file%.c}.o"
    clang --target=wasm32-wasi "${file%.c}.o" -Wl,--strip-all -o "${file%.c}.wasm"
    rm "${file%.c}.o"
  done
done
