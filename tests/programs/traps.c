/* Ends in a trap, three calls deep, after some work. Argument: unreachable, divide, overflow, convert,
   memory, table, signature, stack or none. */
#include "program.h"

typedef int (*small_function)(int);
typedef double (*other_function)(double, double);

static volatile int zero = 0, lowest = INT32_MIN, minus_one = -1;
static volatile double huge = 1e30;
static volatile unsigned far = 0xfffffff0u;

static int plain(int x) { return x + 1; }

static NOINLINE int endless(int x) {
  if (zero != 0) return x;
  return endless(x + 1) * 3 + x;
}

static NOINLINE int inner(const char *kind, int value) {
  if (strcmp(kind, "unreachable") == 0) __builtin_trap();
  if (strcmp(kind, "divide") == 0) return value / zero;
  if (strcmp(kind, "overflow") == 0) return lowest / minus_one;
  if (strcmp(kind, "convert") == 0) {
    /* The trapping conversion; the compiler's own would saturate. */
    int result;
    __asm__ volatile("local.get %1\n i32.trunc_f64_s\n local.set %0" : "=r"(result) : "r"(huge));
    return result;
  }
  if (strcmp(kind, "memory") == 0) return *(volatile int *)far;
  if (strcmp(kind, "table") == 0) return ((small_function)(uintptr_t)(far >> 8))(value);
  if (strcmp(kind, "signature") == 0) {
    volatile small_function held = plain;
    return (int)((other_function)held)(1.0, value);
  }
  if (strcmp(kind, "stack") == 0) return endless(value);
  return value;
}

static NOINLINE int middle(const char *kind, int value) { return inner(kind, value * 2) + 1; }

static NOINLINE int outer(const char *kind, int value) { return middle(kind, value + 1) ^ 5; }

int main(int argc, char **argv) {
  const char *kind = argc > 1 ? argv[1] : "none";
  for (int i = 0; i < 1000; i++) fold((uint32_t)i);
  say("before", 1);
  fold((uint32_t)outer(kind, 20));
  return done();
}
