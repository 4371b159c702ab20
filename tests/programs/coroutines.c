/* Coroutines without setjmp: state machines that are resumed by a switch, a scheduler, a pipeline of
   prime filters, and a generator of permutations. */
#include "program.h"

#define BEGIN(task) switch ((task)->at) { case 0:
#define YIELD(task, result) do { (task)->at = __LINE__; return (result); case __LINE__:; } while (0)
#define END(task) } (task)->at = -1; return -1

/* Each returns the next value, or -1 when it has ended. */
typedef struct { int at, i, limit; uint32_t state; } source;
static int source_next(source *t) {
  BEGIN(t)
  for (t->i = 0; t->i < t->limit; t->i++) {
    YIELD(t, (int)(next_random(&t->state) & 0xffff));
    if ((t->i & 3) == 3) YIELD(t, t->i);
  }
  END(t);
}

typedef struct { int at, value; source *from; } doubler;
static int doubler_next(doubler *t) {
  BEGIN(t)
  while ((t->value = source_next(t->from)) >= 0) {
    YIELD(t, t->value);
    YIELD(t, t->value * 2);
  }
  END(t);
}

/* Filters in a chain: each holds one prime and passes on what that prime does not divide. */
typedef struct filter { int at, prime, value; struct filter *before; } filter;
static int filter_next(filter *t) {
  if (t->before == NULL) return t->value++;
  BEGIN(t)
  for (;;) {
    t->value = filter_next(t->before);
    if (t->value % t->prime != 0) YIELD(t, t->value);
  }
  END(t);
}

/* Heap's algorithm, one permutation at each call. */
typedef struct { int at, i, n, counter[10], item[10]; } permuter;
static int permuter_next(permuter *t) {
  BEGIN(t)
  YIELD(t, t->item[0]);
  t->i = 1;
  while (t->i < t->n) {
    if (t->counter[t->i] < t->i) {
      int other = t->i & 1 ? t->counter[t->i] : 0, kept = t->item[other];
      t->item[other] = t->item[t->i];
      t->item[t->i] = kept;
      t->counter[t->i]++;
      t->i = 1;
      YIELD(t, t->item[0] * 10 + t->item[t->n - 1]);
    } else {
      t->counter[t->i++] = 0;
    }
  }
  END(t);
}

#define TASKS 16

static void schedule(int round) {
  source sources[TASKS] = {0};
  doubler doublers[TASKS] = {0};
  int alive = TASKS;
  for (int i = 0; i < TASKS; i++) {
    sources[i].limit = 1200 + 100 * i;
    sources[i].state = (uint32_t)(round * TASKS + i + 1);
    doublers[i].from = &sources[i];
  }
  while (alive > 0) {
    for (int i = 0; i < TASKS; i++) {
      if (doublers[i].at < 0) continue;
      int value = doubler_next(&doublers[i]);
      if (value < 0) alive--;
      else fold((uint32_t)(value + i));
    }
  }
}

static void primes(int count) {
  static filter chain[400];
  chain[0] = (filter){.value = 2};
  for (int i = 1; i < count; i++) {
    int prime = filter_next(&chain[i - 1]);
    chain[i] = (filter){.prime = prime, .before = &chain[i - 1]};
    fold((uint32_t)prime);
  }
}

static void permutations(int n) {
  permuter p = {.n = n};
  for (int i = 0; i < n; i++) p.item[i] = i;
  for (int value; (value = permuter_next(&p)) >= 0;) fold((uint32_t)value);
}

int main(int argc, char **argv) {
  int rounds = number_argument(argc, argv, 1, 32);
  for (int round = 1; round <= rounds; round++) {
    schedule(round);
    say("tasks", round);
    primes(250);
    say("primes", round);
    permutations(9);
    say("permutations", round);
  }
  return done();
}
