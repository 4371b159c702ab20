/* Globals and statics: data in .data, .bss and .rodata, statics inside functions, pointers between
   globals, a constructor, destructors at exit, and environment and arguments that are read late. */
#include "program.h"

int counter = 5;
double ratio = 1.0 / 3.0;
int64_t wide = 0x123456789abcdefll;
static float singles[64];
static uint32_t grid[128][128];
static int *const pointer = &counter;
static const char *names[] = {"alpha", "beta", "gamma", "delta"};
static struct { int8_t a; uint16_t b; int64_t c; double d; } packed = {-5, 60000, -1, 2.5};

__attribute__((constructor)) static void before_main(void) { counter += 100; }

static void at_the_end(void) {
  printf("bye %d\n", counter);
  fflush(stdout);
}

static NOINLINE uint32_t remembered(uint32_t x) {
  static uint32_t last = 17;
  static int64_t sum = -3;
  uint32_t result = last * 5 + x;
  sum += (int64_t)result << (x & 15);
  last = result ^ (uint32_t)(sum >> 20);
  return result;
}

static NOINLINE void spread(int round) {
  for (int y = 0; y < 128; y++)
    for (int x = 0; x < 128; x++)
      grid[y][x] += grid[(y + 127) & 127][x] * 3 + grid[y][(x + 1) & 127] + (uint32_t)(round + x * y);
}

int main(int argc, char **argv) {
  int rounds = number_argument(argc, argv, 1, 60);
  atexit(at_the_end);
  for (int round = 1; round <= rounds; round++) {
    for (int i = 0; i < 40; i++) spread(round);
    for (int i = 0; i < 200000; i++) {
      *pointer += (int)(remembered((uint32_t)i) & 7);
      ratio = ratio * 0.9999 + counter * 1e-7;
      wide = wide * 3 + packed.a;
      singles[i & 63] += (float)i * 0.5f - singles[(i + 1) & 63] * 0.25f;
    }
    packed.a++;
    packed.b = (uint16_t)(packed.b * 7 + 1);
    packed.c += packed.b;
    packed.d = packed.d * 1.5 - round;
    const char *kept = names[round & 3];
    names[round & 3] = names[round % 3];
    names[round % 3] = kept;
    for (const char *c = names[0]; *c != 0; c++) fold((uint32_t)*c);
    for (int y = 0; y < 128; y += 5) fold(grid[y][(y * 7 + round) & 127]);
    for (int i = 0; i < 64; i++) fold_f32(singles[i]);
    fold((uint32_t)counter);
    fold_f64(ratio);
    fold64((uint64_t)wide);
    fold64((uint64_t)packed.c);
    fold_f64(packed.d);
    say("globals", round);
  }
  const char *setting = getenv("SETTING");
  printf("arguments %d setting %s\n", argc, setting != NULL ? setting : "none");
  return done();
}
