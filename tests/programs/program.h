/* What the test programs share: a running checksum, and lines that are flushed as they are printed. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

static uint32_t checksum = 2166136261u;

/* Order matters: folding a then b differs from b then a. */
static inline void fold(uint32_t value) {
  checksum = (checksum ^ value) * 16777619u;
  checksum ^= checksum >> 15;
}

static inline void fold64(uint64_t value) {
  fold((uint32_t)value);
  fold((uint32_t)(value >> 32));
}

static inline void fold_f64(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  fold64(bits);
}

static inline void fold_f32(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  fold(bits);
}

/* One line of progress: what, which step, and the checksum so far. */
static void say(const char *what, int step) {
  printf("%s %d %08x\n", what, step, (unsigned)checksum);
  fflush(stdout);
}

static int done(void) {
  printf("done %08x\n", (unsigned)checksum);
  fflush(stdout);
  return 0;
}

/* Argument `index` as a number of at least 1, or `otherwise` where it is missing. */
static int number_argument(int argc, char **argv, int index, int otherwise) {
  if (index >= argc) return otherwise;
  int value = atoi(argv[index]);
  return value < 1 ? 1 : value;
}

/* A 32-bit generator (xorshift), for programs that need numbers but no 64-bit arithmetic. */
static inline uint32_t next_random(uint32_t *state) {
  uint32_t x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

#endif
