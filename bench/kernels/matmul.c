/* Dense linear algebra: C = A * B in f64, n by n. */
#include "kernel.h"

int run(int n) {
  size_t size = (size_t)n * n;
  double *a = need(size * 8), *b = need(size * 8), *c = need(size * 8);
  random_state r = random_seeded(1);
  for (size_t i = 0; i < size; i++) a[i] = random_f64(&r) - 0.5, b[i] = random_f64(&r) - 0.5, c[i] = 0;
  for (int i = 0; i < n; i++)
    for (int k = 0; k < n; k++) {
      double x = a[i * n + k];
      for (int j = 0; j < n; j++) c[i * n + j] += x * b[k * n + j];
    }
  uint32_t sum = fold_f64s(1, c, size);
  free(a), free(b), free(c);
  return (int)sum;
}
