/* Long arithmetic: n! in limbs of 32 bits with 64-bit products, then turned to decimal by long division. */
#include "kernel.h"

int run(int n) {
  int room = n / 2 + 16, used = 1;
  uint32_t *limb = need((size_t)room * 4), sum = 1;
  limb[0] = 1;
  for (int k = 2; k <= n; k++) {
    uint64_t carry = 0;
    for (int i = 0; i < used; i++) {
      carry += (uint64_t)limb[i] * (uint32_t)k;
      limb[i] = (uint32_t)carry;
      carry >>= 32;
    }
    if (carry != 0) {
      if (used == room) __builtin_trap();
      limb[used++] = (uint32_t)carry;
    }
  }
  while (used > 0) {
    uint64_t rest = 0;
    for (int i = used - 1; i >= 0; i--) {
      rest = rest << 32 | limb[i];
      limb[i] = (uint32_t)(rest / 1000000000u);
      rest %= 1000000000u;
    }
    sum = fold(sum, (uint32_t)rest);
    while (used > 0 && limb[used - 1] == 0) used--;
  }
  free(limb);
  return (int)sum;
}
