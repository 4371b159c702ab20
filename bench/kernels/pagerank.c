/* Ten rounds of PageRank (pull) on a Kronecker graph of 2^n nodes, in f32. */
#include "kronecker.h"

int run(int n) {
  graph g = kronecker(n, 16);
  float *score = need(g.nodes * 4), *share = need(g.nodes * 4), base = 0.15f / (float)g.nodes;
  for (uint32_t u = 0; u < g.nodes; u++) score[u] = 1.0f / (float)g.nodes;
  for (int round = 0; round < 10; round++) {
    for (uint32_t u = 0; u < g.nodes; u++) {
      uint32_t degree = g.row[u + 1] - g.row[u];
      share[u] = degree != 0 ? score[u] / (float)degree : 0;
    }
    for (uint32_t u = 0; u < g.nodes; u++) {
      float in = 0;
      for (uint32_t i = g.row[u]; i < g.row[u + 1]; i++) in += share[g.neighbour[i]];
      score[u] = base + 0.85f * in;
    }
  }
  uint32_t sum = fold_f32s(1, score, g.nodes);
  free(score), free(share), free_graph(&g);
  return (int)sum;
}
