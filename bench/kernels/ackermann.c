/* Ackermann's function A(2, n), and Takeuchi's, both of which call and return more than anything else. */
#include "kernel.h"

static NOINLINE uint32_t ackermann(uint32_t m, uint32_t n) {
  if (m == 0) return n + 1;
  uint32_t inner = n == 0 ? 1 : ackermann(m, n - 1);
  return ackermann(m - 1, inner);
}

static NOINLINE int takeuchi(int x, int y, int z) {
  if (y >= x) return z;
  int a = takeuchi(x - 1, y, z), b = takeuchi(y - 1, z, x), c = takeuchi(z - 1, x, y);
  return takeuchi(a, b, c);
}

int run(int n) {
  uint32_t sum = 1;
  for (int i = 0; i < n; i++) sum = fold(sum, ackermann(2, 200 + (uint32_t)i % 16));
  for (int i = 0; i < n; i++) sum = fold(sum, (uint32_t)takeuchi(12 + (i & 1), 8, 3));
  return (int)sum;
}
