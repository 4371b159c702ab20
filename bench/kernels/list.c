/* Walks a linked list of 65,536 nodes in shuffled order, n times, and turns it round each time. */
#include "kernel.h"

#define NODES 65536

typedef struct node { struct node *next; uint32_t value; } node;

int run(int n) {
  node *nodes = need(NODES * sizeof *nodes), *head = NULL;
  uint32_t *order = need(NODES * 4), sum = 1;
  random_state r = random_seeded(24);
  for (uint32_t i = 0; i < NODES; i++) order[i] = i;
  for (uint32_t i = NODES - 1; i > 0; i--) {
    uint32_t j = random_below(&r, i + 1), kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
  for (int i = 0; i < NODES; i++) {
    nodes[order[i]] = (node){head, random_u32(&r)};
    head = &nodes[order[i]];
  }
  for (int pass = 0; pass < n; pass++) {
    node *turned = NULL;
    for (node *at = head, *next; at != NULL; at = next) {
      next = at->next;
      sum = sum * 31 + at->value;
      at->next = turned;
      turned = at;
    }
    head = turned;
  }
  free(nodes), free(order);
  return (int)fold(1, sum);
}
