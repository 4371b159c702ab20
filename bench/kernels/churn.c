/* Memory churn: n thousand rounds of malloc and free of mixed sizes, among 4,096 blocks that live on. */
#include "kernel.h"

#define SLOTS 4096

int run(int n) {
  static uint32_t *slot[SLOTS];
  random_state r = random_seeded(22);
  uint32_t sum = 1;
  memset(slot, 0, sizeof slot);
  for (int i = 0; i < n * 1000; i++) {
    uint32_t which = random_u32(&r) % SLOTS;
    if (slot[which] != NULL) {
      sum = fold(sum, slot[which][0] + slot[which][1]);
      free(slot[which]);
      slot[which] = NULL;
    } else {
      uint32_t size = 8 + random_below(&r, 64) * (1 + (random_u32(&r) & 15));
      slot[which] = need(size);
      slot[which][0] = size;
      slot[which][1] = (uint32_t)i;
    }
  }
  for (int i = 0; i < SLOTS; i++) free(slot[i]);
  return (int)sum;
}
