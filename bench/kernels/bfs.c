/* Breadth-first search from eight sources on a Kronecker graph of 2^n nodes. */
#include "kronecker.h"

int run(int n) {
  graph g = kronecker(n, 16);
  int32_t *parent = need(g.nodes * sizeof *parent);
  uint32_t *queue = need(g.nodes * sizeof *queue), sum = 1;
  random_state r = random_seeded(7);
  for (int trial = 0; trial < 8; trial++) {
    uint32_t source = pick_source(&g, &r), reached = 1;
    for (uint32_t u = 0; u < g.nodes; u++) parent[u] = -1;
    parent[source] = (int32_t)source;
    queue[0] = source;
    for (uint32_t at = 0; at < reached; at++) {
      uint32_t u = queue[at];
      for (uint32_t i = g.row[u]; i < g.row[u + 1]; i++) {
        uint32_t v = g.neighbour[i];
        if (parent[v] >= 0) continue;
        parent[v] = (int32_t)u;
        queue[reached++] = v;
      }
    }
    sum = fold(fold(sum, reached), queue[reached / 2]);
    for (uint32_t u = 0; u < g.nodes; u += 13) sum = fold(sum, (uint32_t)parent[u]);
  }
  free(parent), free(queue), free_graph(&g);
  return (int)sum;
}
