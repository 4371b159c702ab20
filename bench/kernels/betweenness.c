/* Betweenness centrality from four sources on a Kronecker graph of 2^n nodes. */
#include "brandes.h"

int run(int n) {
  graph g = kronecker(n, 16);
  brandes b = brandes_new(&g);
  random_state r = random_seeded(8);
  uint32_t source[4];
  for (int i = 0; i < 4; i++) source[i] = pick_source(&g, &r);
  brandes_scores(&g, &b, source, 4);
  uint32_t sum = fold_f32s(1, b.score, g.nodes);
  brandes_free(&b), free_graph(&g);
  return (int)sum;
}
