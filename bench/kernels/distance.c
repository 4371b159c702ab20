/* Edit distance of two strings of n bytes (Levenshtein), two rows of the table at a time. */
#include "kernel.h"

int run(int n) {
  unsigned char *a = need((size_t)n), *b = need((size_t)n);
  int *row = need((size_t)(n + 1) * 4);
  random_state r = random_seeded(25);
  for (int i = 0; i < n; i++) {
    a[i] = (unsigned char)("acgt"[random_u32(&r) >> 30]);
    b[i] = random_u32(&r) >> 30 ? a[i] : (unsigned char)("acgt"[random_u32(&r) >> 30]);
  }
  for (int j = 0; j <= n; j++) row[j] = j;
  for (int i = 1; i <= n; i++) {
    int diagonal = row[0];
    row[0] = i;
    for (int j = 1; j <= n; j++) {
      int best = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      row[j] = best;
    }
  }
  uint32_t sum = fold(1, (uint32_t)row[n]);
  for (int j = 0; j <= n; j += 3) sum = fold(sum, (uint32_t)row[j]);
  free(a), free(b), free(row);
  return (int)sum;
}
