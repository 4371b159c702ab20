/* qsort and bsearch with callbacks: the library calls back into the program through a function pointer,
   so frames of both alternate on the stack. */
#include "program.h"

#define COUNT 6000

typedef struct { double weight; int64_t serial; float ratio; uint32_t key; char name[12]; } item;

static item items[COUNT];
static uint32_t order[COUNT], comparisons;

static int by_key(const void *a, const void *b) {
  uint32_t x = ((const item *)a)->key, y = ((const item *)b)->key;
  comparisons++;
  return x < y ? -1 : x > y;
}

static int by_weight(const void *a, const void *b) {
  double x = ((const item *)a)->weight, y = ((const item *)b)->weight;
  comparisons++;
  return x < y ? 1 : x > y ? -1 : by_key(a, b);
}

static int by_name(const void *a, const void *b) {
  comparisons++;
  int order_of_names = strcmp(((const item *)a)->name, ((const item *)b)->name);
  return order_of_names != 0 ? order_of_names : by_key(a, b);
}

static int by_serial(const void *a, const void *b) {
  const item *x = &items[*(const uint32_t *)a], *y = &items[*(const uint32_t *)b];
  comparisons++;
  return x->serial < y->serial ? -1 : x->serial > y->serial ? 1 : by_key(x, y);
}

int main(int argc, char **argv) {
  int rounds = number_argument(argc, argv, 1, 20);
  uint32_t state = 31;
  for (int round = 1; round <= rounds; round++) {
    for (int i = 0; i < COUNT; i++) {
      item *it = &items[i];
      it->key = next_random(&state);
      it->weight = (double)(next_random(&state) % 1000) / 8;
      it->serial = (int64_t)next_random(&state) * (int64_t)(next_random(&state) - 0x80000000u);
      it->ratio = (float)it->key / 3.0f;
      snprintf(it->name, sizeof it->name, "%05u-%u", (unsigned)(it->key % 9973), (unsigned)(it->key & 7));
      order[i] = (uint32_t)i;
    }
    int (*const compare[])(const void *, const void *) = {by_key, by_weight, by_name};
    for (int i = 0; i < 3; i++) {
      qsort(items, COUNT, sizeof items[0], compare[(i + round) % 3]);
      for (int j = 0; j < COUNT; j += 11) fold(items[j].key), fold_f32(items[j].ratio);
    }
    qsort(order, COUNT, sizeof order[0], by_serial);
    for (int i = 0; i < COUNT; i++) fold(order[i]);
    qsort(items, COUNT, sizeof items[0], by_key);
    for (int i = 0; i < 2000; i++) {
      item wanted = {.key = next_random(&state) & 1 ? items[i].key : next_random(&state)};
      const item *found = bsearch(&wanted, items, COUNT, sizeof items[0], by_key);
      fold(found != NULL ? (uint32_t)(found - items) : 0xffffu);
    }
    fold(comparisons);
    say("sorted", round);
  }
  return done();
}
