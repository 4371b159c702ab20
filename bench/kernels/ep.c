/* Pairs of normal deviates by the polar method, counted in rings: the NAS benchmark EP. Logarithms and
   square roots come from the C library. */
#include "kernel.h"

int run(int n) {
  random_state r = random_seeded(6);
  uint32_t ring[10] = {0}, sum = 1;
  double sx = 0, sy = 0;
  for (int i = 0; i < n; i++) {
    double x = 2 * random_f64(&r) - 1, y = 2 * random_f64(&r) - 1, t = x * x + y * y;
    if (t > 1 || t == 0) continue;
    double scale = sqrt(-2 * log(t) / t);
    x *= scale;
    y *= scale;
    double larger = fmax(fabs(x), fabs(y));
    ring[larger < 9 ? (int)larger : 9]++;
    sx += x;
    sy += y;
  }
  for (int i = 0; i < 10; i++) sum = fold(sum, ring[i]);
  return (int)fold_f64(fold_f64(sum, sx), sy);
}
