/* 64-bit integers and floats in one expression: multiply, divide, shift, rotate, count, convert,
   reinterpret, with infinities, not-a-numbers, signed zeros and subnormals among the operands. */
#include "program.h"
#include <math.h>

static uint64_t random64(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15ull);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ z >> 27) * 0x94d049bb133111ebull;
  return z ^ z >> 31;
}

static double as_f64(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static float as_f32(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* The bits of a NaN that arithmetic made are not defined, so it counts as one value. */
static void fold_result(double value) {
  if (value != value) fold(0x7ff8u);
  else fold_f64(value);
}

static NOINLINE uint64_t integers(uint64_t a, uint64_t b) {
  unsigned s = (unsigned)b & 63;
  uint64_t r = a * b + (a << s | a >> (-s & 63));
  r ^= b / (a | 1) + a % (b | 1);
  r += (uint64_t)((int64_t)a / (int64_t)((b >> 40) | 3)) ^ (uint64_t)((int64_t)b % (int64_t)((a >> 50) | 5));
  r += (uint64_t)((int64_t)a >> s) - (b >> (63 - s));
  r ^= (uint64_t)(__builtin_clzll(a | 1) + __builtin_ctzll(b | 1ull << 63) * 64 + __builtin_popcountll(a ^ b));
  r += (uint64_t)((int64_t)a < (int64_t)b) + 2 * (a < b) + 4 * (a == b) + 8 * ((int64_t)r >= 0);
  return r + (uint64_t)(int64_t)(int8_t)a + (uint64_t)(int64_t)(int16_t)b + (uint64_t)(int64_t)(int32_t)(a >> 7);
}

static NOINLINE double floats(double a, double b, float c) {
  double r = a + b * 0.5 - a / b;
  r = r == r ? r : (double)c;
  r += sqrt(fabs(b)) + floor(a) - ceil(b) + trunc(a * 0.25) - rint(b * 0.75);
  r = copysign(r, a - b);
  return r < 1e300 ? r : 1e300;
}

int main(int argc, char **argv) {
  static const uint64_t edges[] = {
      0, 1, 0x8000000000000000ull, 0x7fffffffffffffffull, 0xffffffffffffffffull, 0x7ff0000000000000ull,
      0xfff0000000000000ull, 0x7ff8000000000000ull, 0x7ff4000000000001ull, 0x000fffffffffffffull, 0x3ff0000000000000ull,
      0x43e0000000000000ull, 0x41dfffffffc00000ull, 0x4330000000000001ull, 0x100000000ull, 0xffffffffull};
  int rounds = number_argument(argc, argv, 1, 60);
  uint64_t state = 42;
  double sum = 0;
  float single = 0;
  for (int round = 1; round <= rounds; round++) {
    for (int i = 0; i < 60000; i++) {
      uint64_t a = random64(&state), b = random64(&state);
      if ((i & 15) == 0) a = edges[i >> 4 & 15];
      if ((i & 31) == 3) b = edges[i >> 5 & 15];
      fold64(integers(a, b));

      double wide = (double)(int64_t)a * 1e-3 + (double)b;
      float narrow = (float)(int64_t)b - (float)(a >> 8);
      fold_result(floats(wide, narrow, (float)(int32_t)a));
      fold_result(as_f64(a) * 1.5 + as_f64(b));
      fold_result((double)(as_f32((uint32_t)a) / as_f32((uint32_t)b)));
      fold64((uint64_t)(int64_t)(wide * 1e-4) + (uint64_t)(narrow < 0 ? -narrow : narrow));
      sum = sum * 0.999 + wide * 1e-12;
      single = single * 0.99f + narrow * 1e-12f;
    }
    /* A signalling NaN that is only carried about keeps its bits. */
    uint64_t carried = 0x7ff4000000000000ull | (uint64_t)round;
    volatile double holder = as_f64(carried);
    fold_f64(holder);
    fold_f64(sum);
    fold_f32(single);
    say("mix", round);
  }
  return done();
}
