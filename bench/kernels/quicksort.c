/* Quicksort of n 32-bit integers, with insertion sort for short runs. */
#include "kernel.h"

static void sort(uint32_t *low, uint32_t *high) {
  while (high - low > 24) {
    uint32_t a = *low, b = low[(high - low) / 2], c = high[-1];
    uint32_t pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
    uint32_t *i = low, *j = high - 1;
    for (;; i++, j--) {
      while (*i < pivot) i++;
      while (*j > pivot) j--;
      if (i >= j) break;
      uint32_t kept = *i;
      *i = *j;
      *j = kept;
    }
    if (i - low < high - i) sort(low, i), low = i;
    else sort(i, high), high = i;
  }
  for (uint32_t *i = low + 1; i < high; i++) {
    uint32_t value = *i, *j = i;
    for (; j > low && j[-1] > value; j--) *j = j[-1];
    *j = value;
  }
}

int run(int n) {
  uint32_t *items = need((size_t)n * 4), sum = 1;
  random_state r = random_seeded(9);
  for (int i = 0; i < n; i++) items[i] = random_u32(&r);
  sort(items, items + n);
  for (int i = 1; i < n; i++) {
    if (items[i - 1] > items[i]) __builtin_trap();
    sum = fold(sum, items[i]);
  }
  free(items);
  return (int)sum;
}
