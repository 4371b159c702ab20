/* What the kernels share: a checksum and a generator of random numbers. Each kernel exports
   `int run(int n)`: it does all its work, frees what it took, and returns a checksum that depends on n
   alone, so that it can be called again and again. */
#ifndef KERNEL_H
#define KERNEL_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

int run(int n);

static inline uint32_t fold(uint32_t sum, uint32_t value) {
  sum = (sum ^ value) * 16777619u;
  return sum ^ sum >> 15;
}

static inline uint32_t fold_f64(uint32_t sum, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return fold(fold(sum, (uint32_t)bits), (uint32_t)(bits >> 32));
}

static inline uint32_t fold_f32(uint32_t sum, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return fold(sum, bits);
}

static inline uint32_t fold_f64s(uint32_t sum, const double *values, size_t count) {
  for (size_t i = 0; i < count; i++) sum = fold_f64(sum, values[i]);
  return sum;
}

static inline uint32_t fold_f32s(uint32_t sum, const float *values, size_t count) {
  for (size_t i = 0; i < count; i++) sum = fold_f32(sum, values[i]);
  return sum;
}

/* sfc32: small, fast, 32-bit only. */
typedef struct { uint32_t a, b, c, counter; } random_state;

static inline uint32_t random_u32(random_state *r) {
  uint32_t result = r->a + r->b + r->counter++;
  r->a = r->b ^ r->b >> 9;
  r->b = r->c + (r->c << 3);
  r->c = (r->c << 21 | r->c >> 11) + result;
  return result;
}

static inline random_state random_seeded(uint32_t seed) {
  random_state r = {seed, 0x9e3779b9u, 0x243f6a88u, 1};
  for (int i = 0; i < 12; i++) random_u32(&r);
  return r;
}

/* In [0, 1). */
static inline double random_f64(random_state *r) { return random_u32(r) * (1.0 / 4294967296.0); }

/* In [-0.5, 0.5). */
static inline float random_f32(random_state *r) { return (float)(int32_t)random_u32(r) * (1.0f / 4294967296.0f); }

/* In [0, limit), by the high half of a product of 16-bit parts, so it needs no 64-bit arithmetic. */
static inline uint32_t random_below(random_state *r, uint32_t limit) {
  return limit <= 65536 ? (random_u32(r) >> 16) * limit >> 16 : random_u32(r) % limit;
}

/* malloc that cannot fail quietly. */
static inline void *need(size_t bytes) {
  void *block = malloc(bytes);
  if (block == NULL) __builtin_trap();
  return block;
}

#endif
