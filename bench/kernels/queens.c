/* All ways to place n queens: recursion over bit masks, and a second count with arrays. */
#include "kernel.h"

static NOINLINE uint32_t place(uint32_t all, uint32_t columns, uint32_t left, uint32_t right) {
  if (columns == all) return 1;
  uint32_t found = 0;
  for (uint32_t open = all & ~(columns | left | right); open != 0; open &= open - 1) {
    uint32_t bit = open & -open;
    found += place(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
  }
  return found;
}

static NOINLINE uint32_t place_by_rows(int n) {
  int column[32];
  uint32_t found = 0;
  int row = 0;
  column[0] = -1;
  while (row >= 0) {
    int good = 0;
    while (!good && ++column[row] < n) {
      good = 1;
      for (int i = 0; i < row && good; i++) {
        int across = column[row] - column[i];
        good = across != 0 && across != row - i && across != i - row;
      }
    }
    if (!good) row--;
    else if (row == n - 1) found++;
    else column[++row] = -1;
  }
  return found;
}

int run(int n) { return (int)fold(fold(1, place((1u << n) - 1, 0, 0, 0)), place_by_rows(n - 2)); }
