/* n thousand rounds of calls through function pointers: a table of 16 functions, objects with methods, and a callback. */
#include "kernel.h"

typedef uint32_t (*step)(uint32_t, uint32_t);

#define STEP(i, expression) static uint32_t step_##i(uint32_t x, uint32_t y) { return expression; }
STEP(0, x + y) STEP(1, x ^ y) STEP(2, x * 3 + y) STEP(3, x - y) STEP(4, x << 3 ^ y) STEP(5, x >> 2 | y << 30)
STEP(6, ~x + y) STEP(7, x * (y | 1)) STEP(8, x + (y >> 4)) STEP(9, (x ^ y) + 11) STEP(10, x - (y << 2))
STEP(11, x | (y & 255)) STEP(12, (x & ~y) + 3) STEP(13, x * 5 - y) STEP(14, x ^ y >> 7) STEP(15, x + y * y)

static step const steps[16] = {step_0, step_1, step_2,  step_3,  step_4,  step_5,  step_6,  step_7,
                               step_8, step_9, step_10, step_11, step_12, step_13, step_14, step_15};

typedef struct shape { double (*area)(const struct shape *); void (*grow)(struct shape *, double); double a, b; } shape;

static double circle_area(const shape *s) { return 3.141592653589793 * s->a * s->a; }
static double box_area(const shape *s) { return s->a * s->b; }
static double triangle_area(const shape *s) { return 0.5 * s->a * s->b; }
static void grow_first(shape *s, double by) { s->a = s->a * 0.99 + by; }
static void grow_both(shape *s, double by) { s->a += by; s->b = s->b * 0.98 + by; }

static NOINLINE double sum_areas(shape *shapes, int count, double (*callback)(double, double)) {
  double sum = 0;
  for (int i = 0; i < count; i++) {
    shapes[i].grow(&shapes[i], 1e-3 * i);
    sum = callback(sum, shapes[i].area(&shapes[i]));
  }
  return sum;
}

static double add(double a, double b) { return a + b; }
static double decayed(double a, double b) { return 0.5 * a + b; }

int run(int n) {
  uint32_t x = 1, sum = 1;
  shape shapes[32];
  for (int i = 0; i < 32; i++) {
    double (*const areas[3])(const shape *) = {circle_area, box_area, triangle_area};
    shapes[i] = (shape){areas[i % 3], i & 1 ? grow_first : grow_both, 1 + i * 0.25, 2 - i * 0.03};
  }
  for (int round = 0; round < n; round++) {
    for (uint32_t i = 0; i < 1000; i++) x = steps[(x >> 5 ^ i) & 15](x, i);
    for (int i = 0; i < 16; i++) sum = fold_f64(sum, sum_areas(shapes, 32, round & 1 ? add : decayed));
  }
  return (int)fold(sum, x);
}
