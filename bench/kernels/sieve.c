/* Primes below n thousand by the sieve of Eratosthenes, eight times over. */
#include "kernel.h"

int run(int n) {
  int limit = n * 1000;
  unsigned char *composite = need((size_t)limit);
  uint32_t sum = 1;
  for (int pass = 0; pass < 8; pass++) {
    memset(composite, 0, (size_t)limit);
    for (int p = 2; p * p < limit; p++)
      if (!composite[p])
        for (int i = p * p; i < limit; i += p) composite[i] = 1;
    uint32_t count = 0;
    for (int i = 2; i < limit; i++) count += !composite[i];
    sum = fold(sum, count);
  }
  free(composite);
  return (int)sum;
}
