#!/bin/sh
# Builds ledger.c once for each change. Needs what scripts/build_programs.sh needs.
set -eu
cd "$(dirname "$0")"

CLANG=${CLANG:-clang}
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT

build() { # NAME [DEFINE]
  # shellcheck disable=SC2086
  "$CLANG" --target=wasm32-wasi -O2 -std=gnu11 -Wall -Wextra -Wno-unused-parameter -msign-ext -mbulk-memory \
    "-ffile-prefix-map=$PWD=." ${2:+-D$2} -c ledger.c -o "$objects/ledger.o"
  "$CLANG" --target=wasm32-wasi -Wl,--strip-debug -Wl,--stack-first "$objects/ledger.o" -o "$objects/program.wasm"
  cat "$objects/program.wasm" >"$1.wasm"
}

build ledger
build leaf NEW_LEAF           # other code in a function that is called
build rule NEW_RULE           # one more function in the table
build frame NEW_FRAME         # other code in a function on the stack
build signature NEW_SIGNATURE # a function with one more parameter
build order NEW_ORDER         # table elements in another order
build text NEW_TEXT           # a longer text
build data NEW_DATA           # a new variable with an initial value
build before NEW_BEFORE       # a new variable without one
