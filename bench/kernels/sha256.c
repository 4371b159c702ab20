/* SHA-256 (FIPS 180-4) of 64 KiB, n times, each time with the last digest written into the message. */
#include "kernel.h"

#define SIZE 65536

static uint32_t constant[64], initial[8];

/* The constants are the first 32 bits of the fractional parts of the cube and square roots of primes. */
static void make_constants(void) {
  for (int prime = 2, found = 0; found < 64; prime++) {
    int divisor = 2;
    while (divisor * divisor <= prime && prime % divisor != 0) divisor++;
    if (divisor * divisor <= prime) continue;
    double square = sqrt(prime), cube = cbrt(prime);
    if (found < 8) initial[found] = (uint32_t)((square - floor(square)) * 4294967296.0);
    constant[found++] = (uint32_t)((cube - floor(cube)) * 4294967296.0);
  }
}

static inline uint32_t rotate(uint32_t x, int by) { return x >> by | x << (32 - by); }

static NOINLINE void block(uint32_t state[8], const unsigned char *bytes) {
  uint32_t w[64];
  for (int i = 0; i < 16; i++)
    w[i] = (uint32_t)bytes[4 * i] << 24 | (uint32_t)bytes[4 * i + 1] << 16 | (uint32_t)bytes[4 * i + 2] << 8 | bytes[4 * i + 3];
  for (int i = 16; i < 64; i++) {
    uint32_t x = w[i - 15], y = w[i - 2];
    w[i] = w[i - 16] + (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) + w[i - 7] + (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
  }
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
  for (int i = 0; i < 64; i++) {
    uint32_t t = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + constant[i] + w[i];
    uint32_t u = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t, d = c, c = b, b = a, a = t + u;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

int run(int n) {
  unsigned char *message = need(SIZE + 64);
  uint32_t state[8];
  make_constants();
  random_state r = random_seeded(13);
  for (int i = 0; i < SIZE; i++) message[i] = (unsigned char)random_u32(&r);
  memset(message + SIZE, 0, 64);
  message[SIZE] = 0x80;
  message[SIZE + 61] = (unsigned char)(SIZE * 8 >> 16);
  for (int i = 0; i < n; i++) {
    memcpy(state, initial, sizeof state);
    for (int at = 0; at < SIZE + 64; at += 64) block(state, message + at);
    memcpy(message, state, sizeof state);
  }
  uint32_t sum = 1;
  for (int i = 0; i < 8; i++) sum = fold(sum, state[i]);
  free(message);
  return (int)sum;
}
