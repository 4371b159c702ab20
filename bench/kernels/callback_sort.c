/* The C library's qsort on n records, through a comparison callback. */
#include "kernel.h"

typedef struct { uint32_t key; int32_t serial; double weight; } record;

static int by_key(const void *a, const void *b) {
  const record *x = a, *y = b;
  return x->key != y->key ? (x->key < y->key ? -1 : 1) : x->serial - y->serial;
}

static int by_weight(const void *a, const void *b) {
  const record *x = a, *y = b;
  return x->weight != y->weight ? (x->weight < y->weight ? -1 : 1) : x->serial - y->serial;
}

int run(int n) {
  record *items = need((size_t)n * sizeof *items);
  random_state r = random_seeded(10);
  uint32_t sum = 1;
  for (int i = 0; i < n; i++) items[i] = (record){random_u32(&r) >> 8, i, random_f64(&r)};
  qsort(items, (size_t)n, sizeof *items, by_key);
  for (int i = 0; i < n; i++) sum = fold(sum, items[i].key);
  qsort(items, (size_t)n, sizeof *items, by_weight);
  for (int i = 0; i < n; i++) sum = fold(sum, (uint32_t)items[i].serial);
  free(items);
  return (int)sum;
}
