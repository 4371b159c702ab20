/* n steps of xoshiro256**: 64-bit shifts, rotates and multiplications that are carried from step to step. */
#include "kernel.h"

static inline uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }

int run(int n) {
  uint64_t a = 1, b = 2, c = 3, d = 4, sum = 0;
  for (int i = 0; i < n; i++) {
    sum += rotate(b * 5, 7) * 9;
    uint64_t shifted = b << 17;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 45);
  }
  return (int)(sum ^ sum >> 32);
}
