/* y = a * x + y on 64 Ki single-precision numbers, n times. */
#include "kernel.h"

#define COUNT 65536

static NOINLINE void saxpy(float a, const float *x, float *y) {
  for (int i = 0; i < COUNT; i++) y[i] = a * x[i] + y[i];
}

int run(int n) {
  float *x = need(COUNT * 4), *y = need(COUNT * 4);
  random_state r = random_seeded(18);
  for (int i = 0; i < COUNT; i++) x[i] = random_f32(&r), y[i] = random_f32(&r);
  for (int i = 0; i < n; i++) saxpy(i & 1 ? 0.37f : -0.21f, x, y);
  uint32_t sum = fold_f32s(1, y, COUNT);
  free(x), free(y);
  return (int)sum;
}
