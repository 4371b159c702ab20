/* A small service: for each line on standard input, such as "GET /27", it writes an answer in the manner of CGI.
   Before it reads the first, it computes a table, which takes a while. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT 1000000u

/* How many steps of Collatz's rule lead from a number to 1. */
static uint16_t steps[LIMIT + 1];
/* How many requests this process has answered. */
static unsigned answered;

static void compute(void) {
  for (uint32_t start = 1; start <= LIMIT; start++) {
    uint16_t count = 0;
    for (uint64_t n = start; n != 1; count++) n = n & 1 ? 3 * n + 1 : n >> 1;
    steps[start] = count;
  }
}

/* The number up to `limit` with the most steps. */
static uint32_t longest(uint32_t limit) {
  uint32_t best = 1;
  for (uint32_t n = 2; n <= limit; n++) {
    if (steps[n] > steps[best]) best = n;
  }
  return best;
}

static void answer(const char *request) {
  uint32_t id[2];
  getentropy(id, sizeof id);
  const char *path = strchr(request, '/');
  char *end;
  unsigned long n = path == NULL ? 0 : strtoul(path + 1, &end, 10);
  int good = n >= 1 && n <= LIMIT && (*end == ' ' || *end == '\n' || *end == 0);
  printf("Status: %d\nContent-Type: text/plain\n", good ? 200 : 404);
  printf("X-Request-Id: %08x%08x\nX-Answered-Before: %u\n\n", (unsigned)id[0], (unsigned)id[1], answered++);
  if (good) {
    uint32_t best = longest(n);
    printf("%lu: %u steps. Up to there %u takes the most, %u.\n", n, steps[n], (unsigned)best, steps[best]);
  } else {
    printf("Ask for /N, a number from 1 to %u.\n", LIMIT);
  }
  fflush(stdout);
}

int main(void) {
  static char line[4096];
  compute();
  while (fgets(line, sizeof line, stdin) != NULL) answer(line);
  return 0;
}
