/* Gravity between five bodies, n steps, in f64. */
#include "kernel.h"

#define BODIES 5

typedef struct { double x, y, z, vx, vy, vz, mass; } body;

static double energy(const body *b) {
  double e = 0;
  for (int i = 0; i < BODIES; i++) {
    e += 0.5 * b[i].mass * (b[i].vx * b[i].vx + b[i].vy * b[i].vy + b[i].vz * b[i].vz);
    for (int j = i + 1; j < BODIES; j++) {
      double dx = b[i].x - b[j].x, dy = b[i].y - b[j].y, dz = b[i].z - b[j].z;
      e -= b[i].mass * b[j].mass / sqrt(dx * dx + dy * dy + dz * dz);
    }
  }
  return e;
}

int run(int n) {
  body b[BODIES];
  random_state r = random_seeded(17);
  for (int i = 0; i < BODIES; i++) {
    double far = i * 6.0, speed = i == 0 ? 0 : 6.2831853 / sqrt(far);
    b[i] = (body){far, random_f64(&r), random_f64(&r), random_f64(&r) * 0.01, speed, 0.01 * speed, i == 0 ? 39.5 : 0.01 * (6 - i)};
  }
  for (int step = 0; step < n; step++) {
    for (int i = 0; i < BODIES; i++)
      for (int j = i + 1; j < BODIES; j++) {
        double dx = b[i].x - b[j].x, dy = b[i].y - b[j].y, dz = b[i].z - b[j].z;
        double square = dx * dx + dy * dy + dz * dz, pull = 0.001 / (square * sqrt(square));
        b[i].vx -= dx * b[j].mass * pull;
        b[i].vy -= dy * b[j].mass * pull;
        b[i].vz -= dz * b[j].mass * pull;
        b[j].vx += dx * b[i].mass * pull;
        b[j].vy += dy * b[i].mass * pull;
        b[j].vz += dz * b[i].mass * pull;
      }
    for (int i = 0; i < BODIES; i++) {
      b[i].x += 0.001 * b[i].vx;
      b[i].y += 0.001 * b[i].vy;
      b[i].z += 0.001 * b[i].vz;
    }
  }
  return (int)fold_f64(fold_f64(1, energy(b)), b[3].x);
}
