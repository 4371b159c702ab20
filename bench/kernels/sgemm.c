/* C = A * B in f32, n by n (n a multiple of 4), four columns of a row at a time. */
#include "kernel.h"

int run(int n) {
  size_t size = (size_t)n * n;
  float *a = need(size * 4), *b = need(size * 4), *c = need(size * 4);
  random_state r = random_seeded(19);
  for (size_t i = 0; i < size; i++) a[i] = random_f32(&r), b[i] = random_f32(&r);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j += 4) {
      float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      for (int k = 0; k < n; k++) {
        float x = a[i * n + k];
        const float *row = b + k * n + j;
        s0 += x * row[0];
        s1 += x * row[1];
        s2 += x * row[2];
        s3 += x * row[3];
      }
      float *to = c + i * n + j;
      to[0] = s0, to[1] = s1, to[2] = s2, to[3] = s3;
    }
  uint32_t sum = fold_f32s(1, c, size);
  free(a), free(b), free(c);
  return (int)sum;
}
