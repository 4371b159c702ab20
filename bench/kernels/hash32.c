/* A 32-bit hash (multiply, rotate, in the manner of Murmur3) over 1 MiB, n times. */
#include "kernel.h"

#define WORDS (1 << 18)

static inline uint32_t rotate(uint32_t x, int by) { return x << by | x >> (32 - by); }

static NOINLINE uint32_t hash(const uint32_t *words, int count, uint32_t seed) {
  uint32_t h = seed;
  for (int i = 0; i < count; i++) {
    h ^= rotate(words[i] * 0xcc9e2d51u, 15) * 0x1b873593u;
    h = rotate(h, 13) * 5 + 0xe6546b64u;
  }
  h ^= (uint32_t)count;
  h = (h ^ h >> 16) * 0x85ebca6bu;
  h = (h ^ h >> 13) * 0xc2b2ae35u;
  return h ^ h >> 16;
}

int run(int n) {
  uint32_t *words = need(WORDS * 4), sum = 1;
  random_state r = random_seeded(11);
  for (int i = 0; i < WORDS; i++) words[i] = random_u32(&r);
  for (int i = 0; i < n; i++) sum = fold(sum, hash(words, WORDS, sum));
  free(words);
  return (int)sum;
}
