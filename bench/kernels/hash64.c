/* A 64-bit hash (four lanes of multiply and rotate, in the manner of XXH64) over 1 MiB, n times. */
#include "kernel.h"

#define WORDS (1 << 17)
#define P1 0x9e3779b185ebca87ull
#define P2 0xc2b2ae3d27d4eb4full
#define P3 0x165667b19e3779f9ull

static inline uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }
static inline uint64_t lane(uint64_t h, uint64_t word) { return rotate(h + word * P2, 31) * P1; }

static NOINLINE uint64_t hash(const uint64_t *words, int count, uint64_t seed) {
  uint64_t a = seed + P1 + P2, b = seed + P2, c = seed, d = seed - P1;
  for (int i = 0; i < count; i += 4) {
    a = lane(a, words[i]);
    b = lane(b, words[i + 1]);
    c = lane(c, words[i + 2]);
    d = lane(d, words[i + 3]);
  }
  uint64_t h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18) + (uint64_t)count;
  h = (h ^ h >> 33) * P2;
  h = (h ^ h >> 29) * P3;
  return h ^ h >> 32;
}

int run(int n) {
  uint64_t *words = need(WORDS * 8), sum = 1;
  random_state r = random_seeded(12);
  for (int i = 0; i < WORDS; i++) words[i] = (uint64_t)random_u32(&r) << 32 | random_u32(&r);
  for (int i = 0; i < n; i++) sum = hash(words, WORDS, sum);
  free(words);
  return (int)(sum ^ sum >> 32);
}
