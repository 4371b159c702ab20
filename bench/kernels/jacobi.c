/* n rounds of a five-point stencil on a 512 by 512 grid in f32. */
#include "kernel.h"

#define SIDE 512

int run(int n) {
  float *now = need(SIDE * SIDE * 4), *next = need(SIDE * SIDE * 4);
  random_state r = random_seeded(20);
  for (int i = 0; i < SIDE * SIDE; i++) now[i] = next[i] = random_f32(&r);
  for (int round = 0; round < n; round++) {
    for (int y = 1; y < SIDE - 1; y++)
      for (int x = 1; x < SIDE - 1; x++) {
        int at = y * SIDE + x;
        next[at] = 0.2f * (now[at] + now[at - 1] + now[at + 1] + now[at - SIDE] + now[at + SIDE]);
      }
    float *kept = now;
    now = next;
    next = kept;
  }
  uint32_t sum = fold_f32s(1, now, SIDE * SIDE);
  free(now), free(next);
  return (int)sum;
}
