/* Multigrid: V-cycles for Poisson's equation on an n^3 periodic grid (n a power of two), as the NAS
   benchmark MG does. */
#include "kernel.h"

#define LEVELS 8
#define AT(n, x, y, z) ((((x) & ((n) - 1)) * (n) + ((y) & ((n) - 1))) * (n) + ((z) & ((n) - 1)))

/* Sum of the six neighbours of each point in a row of z, by walking five rows at once. */
static NOINLINE void smooth(double *u, const double *f, int n, double weight) {
  for (int x = 0; x < n; x++)
    for (int y = 0; y < n; y++) {
      double *row = u + AT(n, x, y, 0);
      const double *up = u + AT(n, x - 1, y, 0), *down = u + AT(n, x + 1, y, 0), *right = f + AT(n, x, y, 0);
      const double *before = u + AT(n, x, y - 1, 0), *after = u + AT(n, x, y + 1, 0);
      for (int z = 0; z < n; z++) {
        double around = up[z] + down[z] + before[z] + after[z] + row[(z - 1) & (n - 1)] + row[(z + 1) & (n - 1)];
        row[z] += weight * ((around - right[z]) * (1.0 / 6) - row[z]);
      }
    }
}

static NOINLINE void residual(const double *u, const double *f, double *r, int n) {
  for (int x = 0; x < n; x++)
    for (int y = 0; y < n; y++) {
      const double *row = u + AT(n, x, y, 0);
      const double *up = u + AT(n, x - 1, y, 0), *down = u + AT(n, x + 1, y, 0);
      const double *before = u + AT(n, x, y - 1, 0), *after = u + AT(n, x, y + 1, 0);
      for (int z = 0; z < n; z++) {
        double around = up[z] + down[z] + before[z] + after[z] + row[(z - 1) & (n - 1)] + row[(z + 1) & (n - 1)];
        r[AT(n, x, y, z)] = f[AT(n, x, y, z)] - (around - 6 * row[z]);
      }
    }
}

/* Restricts to half the points in each direction: a factor 4 for the grid, 1/8 for the mean. */
static NOINLINE void restrict_to(const double *fine, double *coarse, int half) {
  int n = 2 * half;
  for (int x = 0; x < half; x++)
    for (int y = 0; y < half; y++)
      for (int z = 0; z < half; z++) {
        double sum = 0;
        for (int corner = 0; corner < 8; corner++)
          sum += fine[AT(n, 2 * x + (corner >> 2), 2 * y + (corner >> 1 & 1), 2 * z + (corner & 1))];
        coarse[AT(half, x, y, z)] = sum * 0.5;
      }
}

static NOINLINE void prolong(const double *coarse, double *fine, int half) {
  int n = 2 * half;
  for (int x = 0; x < n; x++)
    for (int y = 0; y < n; y++)
      for (int z = 0; z < n; z++) fine[AT(n, x, y, z)] += coarse[AT(half, x / 2, y / 2, z / 2)];
}

int run(int n) {
  double *u[LEVELS], *f[LEVELS], *r[LEVELS];
  int levels = __builtin_ctz((unsigned)n) - 1;
  for (int level = 0; level < levels; level++) {
    size_t size = (size_t)(n >> level) * (size_t)(n >> level) * (size_t)(n >> level);
    u[level] = need(size * 8), f[level] = need(size * 8), r[level] = need(size * 8);
    memset(u[level], 0, size * 8), memset(f[level], 0, size * 8);
  }
  random_state random = random_seeded(5);
  for (int i = 0; i < 20; i++) {
    int x = (int)random_below(&random, (uint32_t)n), y = (int)random_below(&random, (uint32_t)n);
    f[0][AT(n, x, y, (int)random_below(&random, (uint32_t)n))] += i < 10 ? 1 : -1;
  }
  uint32_t sum = 1;
  for (int cycle = 0; cycle < 12; cycle++) {
    for (int level = 0; level < levels; level++) {
      int size = n >> level;
      if (level > 0) memset(u[level], 0, (size_t)size * size * size * 8);
      for (int i = 0; i < 2; i++) smooth(u[level], f[level], size, 0.8);
      if (level + 1 == levels) break;
      residual(u[level], f[level], r[level], size);
      restrict_to(r[level], f[level + 1], size / 2);
    }
    for (int level = levels - 2; level >= 0; level--) {
      prolong(u[level + 1], u[level], n >> (level + 1));
      for (int i = 0; i < 2; i++) smooth(u[level], f[level], n >> level, 0.8);
    }
    residual(u[0], f[0], r[0], n);
    double norm = 0;
    for (int i = 0; i < n * n * n; i++) norm += r[0][i] * r[0][i];
    sum = fold_f64(sum, norm);
  }
  sum = fold_f64s(sum, u[0], (size_t)n * n);
  for (int level = 0; level < levels; level++) free(u[level]), free(f[level]), free(r[level]);
  return (int)sum;
}
