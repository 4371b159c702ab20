/* Betweenness centrality by Brandes's algorithm (Journal of Mathematical Sociology 25(2), 2001): a
   breadth-first search that counts shortest paths, then sums of dependencies from the far end back. Which
   edges lead to a successor is remembered in one bit each, as Madduri and others propose (IPDPS 2009). */
#ifndef BRANDES_H
#define BRANDES_H

#include "kronecker.h"

typedef struct {
  int32_t *depth;   /* -1 where not reached */
  double *paths;    /* shortest paths from the source */
  float *delta;     /* dependency of the source on a node */
  float *score;     /* sum of deltas over all sources */
  uint32_t *queue;  /* reached nodes, nearest first */
  uint32_t *successor; /* one bit for each directed edge */
} brandes;

static inline brandes brandes_new(const graph *g) {
  uint32_t bits = g->row[g->nodes];
  return (brandes){
      need(g->nodes * sizeof(int32_t)),  need(g->nodes * sizeof(double)),   need(g->nodes * sizeof(float)),
      need(g->nodes * sizeof(float)),    need(g->nodes * sizeof(uint32_t)), need((bits / 32 + 1) * sizeof(uint32_t)),
  };
}

static inline void brandes_free(brandes *b) {
  free(b->depth);
  free(b->paths);
  free(b->delta);
  free(b->score);
  free(b->queue);
  free(b->successor);
}

/* Adds the dependencies of one source to the scores. */
static NOINLINE void brandes_source(const graph *g, brandes *b, uint32_t source) {
  const uint32_t *row = g->row, *neighbour = g->neighbour;
  for (uint32_t u = 0; u < g->nodes; u++) b->depth[u] = -1, b->paths[u] = 0, b->delta[u] = 0;
  memset(b->successor, 0, (row[g->nodes] / 32 + 1) * sizeof *b->successor);
  uint32_t reached = 1;
  b->queue[0] = source;
  b->depth[source] = 0;
  b->paths[source] = 1;
  for (uint32_t at = 0; at < reached; at++) {
    uint32_t u = b->queue[at];
    int32_t next = b->depth[u] + 1;
    double paths = b->paths[u];
    for (uint32_t i = row[u]; i < row[u + 1]; i++) {
      uint32_t v = neighbour[i];
      if (b->depth[v] < 0) {
        b->depth[v] = next;
        b->queue[reached++] = v;
      }
      if (b->depth[v] == next) {
        b->successor[i >> 5] |= 1u << (i & 31);
        b->paths[v] += paths;
      }
    }
  }
  for (uint32_t at = reached; at-- > 0;) {
    uint32_t u = b->queue[at];
    float delta = 0;
    for (uint32_t i = row[u]; i < row[u + 1]; i++)
      if (b->successor[i >> 5] >> (i & 31) & 1)
        delta += (float)(b->paths[u] / b->paths[neighbour[i]]) * (1 + b->delta[neighbour[i]]);
    b->delta[u] = delta;
    b->score[u] += delta;
  }
}

/* Scores of `count` sources, between 0 and 1. `source` names each. */
static inline void brandes_scores(const graph *g, brandes *b, const uint32_t *source, int count) {
  memset(b->score, 0, g->nodes * sizeof *b->score);
  for (int i = 0; i < count; i++) brandes_source(g, b, source[i]);
  float largest = 0;
  for (uint32_t u = 0; u < g->nodes; u++)
    if (b->score[u] > largest) largest = b->score[u];
  if (largest > 0)
    for (uint32_t u = 0; u < g->nodes; u++) b->score[u] /= largest;
}

#endif
