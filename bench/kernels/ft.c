/* A three-dimensional Fourier transform of n^3 complex numbers (n a power of two), six times evolved in
   frequency space and transformed back, as the NAS benchmark FT does. */
#include "kernel.h"

#define LARGEST 256

static double root_re[LARGEST], root_im[LARGEST];

/* Transforms n numbers, `stride` apart, in place. `sign` is -1 for the way there and 1 for the way back. */
static NOINLINE void transform(double *re, double *im, int n, int stride, double sign) {
  double a[LARGEST], b[LARGEST];
  int bits = __builtin_ctz((unsigned)n);
  for (int i = 0; i < n; i++) {
    int reversed = 0;
    for (int bit = 0; bit < bits; bit++) reversed |= (i >> bit & 1) << (bits - 1 - bit);
    a[reversed] = re[i * stride];
    b[reversed] = im[i * stride];
  }
  for (int size = 2; size <= n; size *= 2) {
    int half = size / 2, jump = n / size;
    for (int start = 0; start < n; start += size)
      for (int k = 0; k < half; k++) {
        double wr = root_re[k * jump], wi = sign * root_im[k * jump];
        double xr = a[start + k + half] * wr - b[start + k + half] * wi;
        double xi = a[start + k + half] * wi + b[start + k + half] * wr;
        a[start + k + half] = a[start + k] - xr;
        b[start + k + half] = b[start + k] - xi;
        a[start + k] += xr;
        b[start + k] += xi;
      }
  }
  for (int i = 0; i < n; i++) re[i * stride] = a[i], im[i * stride] = b[i];
}

static void transform_all(double *re, double *im, int n, double sign) {
  for (int i = 0; i < n * n; i++) transform(re + i * n, im + i * n, n, 1, sign);
  for (int i = 0; i < n * n; i++) transform(re + i / n * n * n + i % n, im + i / n * n * n + i % n, n, n, sign);
  for (int i = 0; i < n * n; i++) transform(re + i, im + i, n, n * n, sign);
}

int run(int n) {
  size_t size = (size_t)n * n * n;
  double *re = need(size * 8), *im = need(size * 8), *back_re = need(size * 8), *back_im = need(size * 8);
  random_state r = random_seeded(4);
  for (int i = 0; i < n; i++) {
    root_re[i] = cos(6.283185307179586 * i / n);
    root_im[i] = sin(6.283185307179586 * i / n);
  }
  for (size_t i = 0; i < size; i++) re[i] = random_f64(&r), im[i] = random_f64(&r);
  uint32_t sum = 1;
  transform_all(re, im, n, -1);
  for (int step = 0; step < 6; step++) {
    for (size_t i = 0; i < size; i++) {
      int x = (int)(i % (size_t)n), y = (int)(i / (size_t)n % (size_t)n), z = (int)(i / (size_t)n / (size_t)n);
      double decay = 1.0 / (1 + 1e-4 * (x * x + y * y + z * z));
      re[i] *= decay;
      im[i] *= decay;
    }
    memcpy(back_re, re, size * 8);
    memcpy(back_im, im, size * 8);
    transform_all(back_re, back_im, n, 1);
    for (size_t i = 0; i < size; i += 17) sum = fold_f64(fold_f64(sum, back_re[i] / (double)size), back_im[i]);
  }
  free(re), free(im), free(back_re), free(back_im);
  return (int)sum;
}
