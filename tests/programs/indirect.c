/* Function pointers: many signatures, many targets, tables of functions, functions that take and return
   functions. */
#include "program.h"

typedef int32_t (*unary)(int32_t);
typedef int32_t (*binary)(int32_t, int32_t);
typedef int64_t (*wide)(int64_t, int32_t);
typedef double (*real)(double, double);
typedef float (*small)(float, int32_t);
typedef void (*effect)(int32_t *, int64_t);
typedef double (*mixed)(int32_t, int64_t, float, double);
typedef uint64_t (*constant)(void);
typedef unary (*choice)(int32_t);

/* 64 unary functions: U(0) .. U(63), each with constants of its own so that none is merged. */
#define U(k)                                                                                        \
  static int32_t unary_##k(int32_t x) { return (int32_t)((uint32_t)x * (2u * 0##k + 3u) + 0##k##u * 7919u); }
#define ROW(F, a) F(a##0) F(a##1) F(a##2) F(a##3) F(a##4) F(a##5) F(a##6) F(a##7)
#define ALL(F) ROW(F, 1) ROW(F, 2) ROW(F, 3) ROW(F, 4) ROW(F, 5) ROW(F, 6) ROW(F, 7) ROW(F, 10)
ALL(U)
#define NAME(k) unary_##k,
static const unary unaries[64] = {ALL(NAME)};

static int32_t add(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }
static int32_t subtract(int32_t a, int32_t b) { return (int32_t)((uint32_t)a - (uint32_t)b); }
static int32_t exclusive(int32_t a, int32_t b) { return a ^ b; }
static int32_t rotate(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a << (b & 31) | (uint32_t)a >> (-b & 31));
}
static const binary binaries[] = {add, subtract, exclusive, rotate};

static int64_t wide_add(int64_t a, int32_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }
static int64_t wide_times(int64_t a, int32_t b) { return (int64_t)((uint64_t)a * (uint64_t)(b | 1)); }
static int64_t wide_shift(int64_t a, int32_t b) { return a ^ a >> (b & 31); }
static const wide wides[] = {wide_add, wide_times, wide_shift};

static double mean(double a, double b) { return (a + b) * 0.5; }
static double product(double a, double b) { return a * b * 1e-6; }
static double larger(double a, double b) { return a > b ? a : b - 1; }
static const real reals[] = {mean, product, larger};

static float scale(float a, int32_t b) { return a * 0.5f + (float)(b & 255); }
static float offset(float a, int32_t b) { return a - (float)(b & 15); }
static const small smalls[] = {scale, offset};

static void poke(int32_t *at, int64_t value) { *at += (int32_t)value; }
static void flip(int32_t *at, int64_t value) { *at ^= (int32_t)(value >> 7); }
static const effect effects[] = {poke, flip};

static double all_types(int32_t a, int64_t b, float c, double d) { return a + (double)b * 1e-9 + c - d; }
static double all_again(int32_t a, int64_t b, float c, double d) { return d * 0.5 - c + (double)(a ^ (int32_t)b); }
static const mixed mixeds[] = {all_types, all_again};

static uint64_t seven(void) { return 7; }
static uint64_t huge(void) { return 0x9e3779b97f4a7c15ull; }
static const constant constants[] = {seven, huge};

static unary low(int32_t x) { return unaries[x & 31]; }
static unary high(int32_t x) { return unaries[32 + (x & 31)]; }
static const choice choices[] = {low, high};

/* Recursion through a pointer: each level calls the next through the table. */
typedef int32_t (*recursive)(int32_t depth, int32_t value);
static int32_t left(int32_t depth, int32_t value);
static int32_t right(int32_t depth, int32_t value);
static recursive volatile sides[] = {left, right};
static int32_t left(int32_t depth, int32_t value) {
  return depth == 0 ? value : (int32_t)((uint32_t)sides[value & 1](depth - 1, value + depth) * 3u);
}
static int32_t right(int32_t depth, int32_t value) {
  return depth == 0 ? ~value : sides[(value >> 1) & 1](depth - 1, value ^ depth) - 1;
}

int main(int argc, char **argv) {
  int rounds = number_argument(argc, argv, 1, 24);
  int32_t x = 1;
  int64_t y = 2;
  double z = 3;
  float w = 4;
  for (int round = 1; round <= rounds; round++) {
    for (int32_t i = 0; i < 150000; i++) {
      x = unaries[(x ^ i) & 63](x);
      x = binaries[i & 3](x, i);
      y = wides[(uint32_t)i % 3](y, x);
      z = reals[(uint32_t)(x & 0xff) % 3](z, (double)(i + 1));
      w = smalls[i & 1](w, x);
      if ((i & 7) == 0) {
        effects[(x >> 4) & 1](&x, y);
        z += mixeds[x & 1](x, y, w, z) * 1e-9;
        y ^= (int64_t)constants[i >> 3 & 1]();
        x = choices[x >> 5 & 1](x)(x);
      }
    }
    x += sides[round & 1](200, x);
    fold((uint32_t)x);
    fold64((uint64_t)y);
    fold_f64(z);
    fold_f32(w);
    say("calls", round);
  }
  return done();
}
