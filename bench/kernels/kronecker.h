/* A Kronecker graph as Graph500 describes it (R-MAT with A = 0.57, B = C = 0.19), undirected, without
   loops and double edges, in compressed sparse rows. */
#ifndef KRONECKER_H
#define KRONECKER_H

#include "kernel.h"

typedef struct { uint32_t from, to; } edge;

typedef struct {
  uint32_t nodes;
  uint32_t *row;       /* nodes + 1 offsets into `neighbour` */
  uint32_t *neighbour; /* each row in ascending order */
} graph;

/* A quadrant's share of 2^32. */
#define SHARE(fraction) ((uint32_t)((fraction) * 4294967296.0))

/* `count` edges among 2^scale nodes whose names are shuffled, so that a name tells nothing about a
   node's degree. `uniform` draws both ends evenly instead. */
static inline edge *generate_edges(int scale, uint32_t count, int uniform) {
  uint32_t nodes = 1u << scale;
  random_state r = random_seeded(27491095u);
  edge *edges = need(count * sizeof *edges);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t from = 0, to = 0;
    if (uniform) {
      from = random_u32(&r) & (nodes - 1);
      to = random_u32(&r) & (nodes - 1);
    } else {
      for (int level = 0; level < scale; level++) {
        uint32_t draw = random_u32(&r);
        from = from << 1 | (draw >= SHARE(0.57 + 0.19));
        to = to << 1 | ((draw >= SHARE(0.57)) ^ (draw >= SHARE(0.57 + 0.19)) ^ (draw >= SHARE(0.57 + 0.19 + 0.19)));
      }
    }
    edges[i] = (edge){from, to};
  }
  if (uniform) return edges;
  uint32_t *name = need(nodes * sizeof *name);
  for (uint32_t i = 0; i < nodes; i++) name[i] = i;
  for (uint32_t i = nodes - 1; i > 0; i--) {
    uint32_t j = random_u32(&r) % (i + 1), kept = name[i];
    name[i] = name[j];
    name[j] = kept;
  }
  for (uint32_t i = 0; i < count; i++) edges[i] = (edge){name[edges[i].from], name[edges[i].to]};
  free(name);
  return edges;
}

/* Builds the undirected graph of `edges` and frees them. */
static inline graph build_graph(edge *edges, uint32_t count, uint32_t nodes) {
  uint32_t *row = need((nodes + 1) * sizeof *row), *next = need((nodes + 1) * sizeof *next);
  memset(row, 0, (nodes + 1) * sizeof *row);
  for (uint32_t i = 0; i < count; i++) {
    row[edges[i].from + 1]++;
    row[edges[i].to + 1]++;
  }
  for (uint32_t u = 0; u < nodes; u++) row[u + 1] += row[u];
  uint32_t *unsorted = need(2 * count * sizeof *unsorted + 4);
  memcpy(next, row, (nodes + 1) * sizeof *next);
  for (uint32_t i = 0; i < count; i++) {
    unsorted[next[edges[i].from]++] = edges[i].to;
    unsorted[next[edges[i].to]++] = edges[i].from;
  }
  free(edges);

  /* The graph is its own transpose, and transposing visits rows in order, so it sorts every row. */
  uint32_t *neighbour = need(2 * count * sizeof *neighbour + 4);
  memcpy(next, row, (nodes + 1) * sizeof *next);
  for (uint32_t u = 0; u < nodes; u++)
    for (uint32_t i = row[u]; i < row[u + 1]; i++) neighbour[next[unsorted[i]]++] = u;
  free(unsorted);
  free(next);

  /* Drop loops and doubles in place. */
  uint32_t kept = 0;
  for (uint32_t u = 0, start = 0; u < nodes; u++) {
    uint32_t end = row[u + 1], first = kept;
    for (uint32_t i = start; i < end; i++)
      if (neighbour[i] != u && (kept == first || neighbour[kept - 1] != neighbour[i])) neighbour[kept++] = neighbour[i];
    row[u + 1] = kept;
    start = end;
  }
  uint32_t *trimmed = realloc(neighbour, kept * sizeof *neighbour + 4);
  return (graph){nodes, row, trimmed != NULL ? trimmed : neighbour};
}

static inline graph kronecker(int scale, int degree) {
  uint32_t count = (uint32_t)degree << scale;
  return build_graph(generate_edges(scale, count, 0), count, 1u << scale);
}

static inline void free_graph(graph *g) {
  free(g->row);
  free(g->neighbour);
}

/* A random node that has neighbours. */
static inline uint32_t pick_source(const graph *g, random_state *r) {
  for (;;) {
    uint32_t u = random_u32(r) % g->nodes;
    if (g->row[u] != g->row[u + 1]) return u;
  }
}

#endif
