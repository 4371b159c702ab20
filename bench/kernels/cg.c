/* Sparse linear algebra: conjugate gradients on a random symmetric positive definite matrix of n rows in
   compressed rows, 25 steps, as the NAS benchmark CG does. */
#include "kernel.h"

#define PER_ROW 12
#define STEPS 25

static NOINLINE void multiply(int n, const int *row, const int *column, const double *value, const double *x, double *y) {
  for (int i = 0; i < n; i++) {
    double sum = 0;
    for (int k = row[i]; k < row[i + 1]; k++) sum += value[k] * x[column[k]];
    y[i] = sum;
  }
}

static double dot(int n, const double *a, const double *b) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

int run(int n) {
  int half = n * PER_ROW / 2, total = 2 * half + n;
  int *row = need((size_t)(n + 1) * 4), *next = need((size_t)n * 4), *column = need((size_t)total * 4);
  int *from = need((size_t)half * 4), *to = need((size_t)half * 4);
  double *value = need((size_t)total * 8), *weight = need((size_t)half * 8);
  double *x = need((size_t)n * 8), *res = need((size_t)n * 8), *p = need((size_t)n * 8), *q = need((size_t)n * 8);
  random_state r = random_seeded(3);
  memset(row, 0, (size_t)(n + 1) * 4);
  for (int i = 0; i < half; i++) {
    from[i] = (int)random_below(&r, (uint32_t)n);
    to[i] = (int)random_below(&r, (uint32_t)n);
    weight[i] = random_f64(&r);
    row[from[i] + 1]++;
    row[to[i] + 1]++;
  }
  for (int i = 0; i < n; i++) row[i + 1] += row[i] + 1;
  for (int i = 0; i < n; i++) {
    next[i] = row[i];
    column[next[i]] = i;
    value[next[i]++] = 1 + PER_ROW;
  }
  for (int i = 0; i < half; i++) {
    column[next[from[i]]] = to[i];
    value[next[from[i]]++] = -weight[i];
    column[next[to[i]]] = from[i];
    value[next[to[i]]++] = -weight[i];
  }
  for (int i = 0; i < n; i++) {
    x[i] = 0;
    p[i] = res[i] = 1 + (i & 7);
  }
  double rho = dot(n, res, res);
  for (int step = 0; step < STEPS; step++) {
    multiply(n, row, column, value, p, q);
    double alpha = rho / dot(n, p, q), before = rho;
    for (int i = 0; i < n; i++) x[i] += alpha * p[i], res[i] -= alpha * q[i];
    rho = dot(n, res, res);
    for (int i = 0; i < n; i++) p[i] = res[i] + rho / before * p[i];
  }
  uint32_t sum = fold_f64(fold_f64s(1, x, (size_t)n), rho);
  free(row), free(next), free(column), free(from), free(to), free(value), free(weight);
  free(x), free(res), free(p), free(q);
  return (int)sum;
}
