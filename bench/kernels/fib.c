/* Fibonacci's numbers by plain recursion. */
#include "kernel.h"

static NOINLINE uint32_t fib(uint32_t n) {
  if (n < 2) return n;
  uint32_t a = fib(n - 1), b = fib(n - 2);
  return a + b;
}

int run(int n) { return (int)fold(1, fib((uint32_t)n)); }
