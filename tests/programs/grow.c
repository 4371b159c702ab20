/* Growing memory: memory.grow again and again, by one page and by many; new pages are zero, old ones
   keep what was written; and growing past the limit fails with -1. Linked with a maximum of 64 MiB. */
#include "program.h"

#define PAGE 65536

int main(int argc, char **argv) {
  int rounds = number_argument(argc, argv, 1, 40);
  uint32_t first = (uint32_t)__builtin_wasm_memory_size(0);
  fold(first);
  for (int round = 1; round <= rounds; round++) {
    int32_t by = round % 8 == 0 ? 17 : round % 3;
    int32_t before = (int32_t)__builtin_wasm_memory_grow(0, (unsigned long)by);
    if (before < 0) {
      fprintf(stderr, "grow: no room for %d pages in round %d\n", by, round);
      return 1;
    }
    fold((uint32_t)before);
    uint32_t size = (uint32_t)__builtin_wasm_memory_size(0);
    for (uint32_t page = (uint32_t)before; page < size; page++) {
      uint32_t *words = (uint32_t *)(page * PAGE), seen = 0;
      for (int i = 0; i < PAGE / 4; i++) seen |= words[i];
      if (seen != 0) return 1;
      words[0] = page;
      words[PAGE / 4 - 1] = ~page;
    }
    /* Touch every page that was added so far. */
    for (int pass = 0; pass < 20000; pass++) {
      for (uint32_t page = first; page < size; page++) {
        uint32_t *words = (uint32_t *)(page * PAGE);
        words[1 + (pass & 1023)] += page ^ words[0];
      }
    }
    for (uint32_t page = first; page < size; page++) {
      uint32_t *words = (uint32_t *)(page * PAGE);
      fold(words[0] ^ words[1 + round] ^ words[PAGE / 4 - 1]);
    }
    say("pages", (int)size);
  }
  fold((uint32_t)__builtin_wasm_memory_grow(0, 4096));
  say("limit", (int)__builtin_wasm_memory_size(0));
  return done();
}
