/* The Mandelbrot set on n by n points, at most 100 rounds each, in f64. */
#include "kernel.h"

int run(int n) {
  uint32_t sum = 1;
  for (int py = 0; py < n; py++)
    for (int px = 0; px < n; px++) {
      double cx = 3.0 * px / n - 2.1, cy = 2.4 * py / n - 1.2, x = 0, y = 0;
      uint32_t rounds = 0;
      while (rounds < 100 && x * x + y * y <= 4) {
        double next = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = next;
        rounds++;
      }
      sum = fold(sum, rounds);
    }
  return (int)sum;
}
