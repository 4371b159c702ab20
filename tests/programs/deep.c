/* Deep recursion: mutual, tree-shaped and with a value kept at every level. The second argument is the
   depth (default 5,000; 100,000 must work where frames can move to the heap). */
#include "program.h"

static NOINLINE uint32_t odd(uint32_t n, uint32_t value);

static NOINLINE uint32_t even(uint32_t n, uint32_t value) {
  if (n == 0) return value;
  return odd(n - 1, value * 3 + n) ^ n;
}

static NOINLINE uint32_t odd(uint32_t n, uint32_t value) {
  if (n == 0) return ~value;
  return even(n - 1, value ^ n << 7) + n;
}

static NOINLINE int64_t kept(int32_t n, int64_t a, double b) {
  if (n == 0) return a + (int64_t)b;
  int64_t below = kept(n - 1, a ^ n, b + 0.5);
  return below * 5 + a - (int64_t)(b * 2);
}

static NOINLINE uint32_t ackermann(uint32_t m, uint32_t n) {
  if (m == 0) return n + 1;
  return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

static NOINLINE uint32_t fibonacci(uint32_t n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

int main(int argc, char **argv) {
  int rounds = number_argument(argc, argv, 1, 40), depth = number_argument(argc, argv, 2, 5000);
  for (int round = 1; round <= rounds; round++) {
    for (int i = 0; i < 300; i++) {
      fold(even((uint32_t)depth, checksum));
      fold64((uint64_t)kept(depth, (int64_t)round << 33, i * 0.25));
    }
    fold(ackermann(2, (uint32_t)(depth < 300 ? depth : 300) + (uint32_t)round));
    fold(fibonacci(22 + (uint32_t)round % 3));
    say("deep", round);
  }
  return done();
}
