/* Dense linear algebra: LU factorisation with partial pivoting and a solve, n by n, as LINPACK does. */
#include "kernel.h"

static NOINLINE void factor(double *a, int *pivot, int n) {
  for (int k = 0; k < n; k++) {
    int best = k;
    for (int i = k + 1; i < n; i++)
      if (fabs(a[i * n + k]) > fabs(a[best * n + k])) best = i;
    pivot[k] = best;
    if (best != k)
      for (int j = 0; j < n; j++) {
        double kept = a[k * n + j];
        a[k * n + j] = a[best * n + j];
        a[best * n + j] = kept;
      }
    for (int i = k + 1; i < n; i++) {
      double scale = a[i * n + k] /= a[k * n + k];
      for (int j = k + 1; j < n; j++) a[i * n + j] -= scale * a[k * n + j];
    }
  }
}

static NOINLINE void solve(const double *a, const int *pivot, double *x, int n) {
  for (int k = 0; k < n; k++) {
    double kept = x[k];
    x[k] = x[pivot[k]];
    x[pivot[k]] = kept;
  }
  for (int i = 1; i < n; i++)
    for (int j = 0; j < i; j++) x[i] -= a[i * n + j] * x[j];
  for (int i = n - 1; i >= 0; i--) {
    for (int j = i + 1; j < n; j++) x[i] -= a[i * n + j] * x[j];
    x[i] /= a[i * n + i];
  }
}

int run(int n) {
  double *a = need((size_t)n * n * 8), *x = need((size_t)n * 8);
  int *pivot = need((size_t)n * sizeof *pivot);
  random_state r = random_seeded(2);
  for (int i = 0; i < n * n; i++) a[i] = random_f64(&r) - 0.5;
  for (int i = 0; i < n; i++) {
    x[i] = 0;
    for (int j = 0; j < n; j++) x[i] += a[i * n + j];
  }
  factor(a, pivot, n);
  solve(a, pivot, x, n);
  uint32_t sum = 1;
  double error = 0;
  for (int i = 0; i < n; i++) error = fmax(error, fabs(x[i] - 1)), sum = fold_f64(sum, x[i]);
  if (!(error < 1e-6)) __builtin_trap();
  free(a), free(x), free(pivot);
  return (int)sum;
}
