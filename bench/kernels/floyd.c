/* All shortest paths in a graph of n nodes (Floyd, Warshall), 32-bit integers. */
#include "kernel.h"

int run(int n) {
  int *d = need((size_t)n * n * 4);
  random_state r = random_seeded(23);
  for (int i = 0; i < n * n; i++) d[i] = i / n == i % n ? 0 : 1 + (int)random_below(&r, 1000);
  for (int k = 0; k < n; k++)
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) {
        int through = d[i * n + k] + d[k * n + j];
        if (through < d[i * n + j]) d[i * n + j] = through;
      }
  uint32_t sum = 1;
  for (int i = 0; i < n * n; i++) sum = fold(sum, (uint32_t)d[i]);
  free(d);
  return (int)sum;
}
