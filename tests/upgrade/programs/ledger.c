/* A program that is built several times, each time with another change (see tests/upgrade/programs/build.sh):
   it books amounts in a loop, and prints a line for each. It uses little of the C library, so that it stays small. */
#include <stdint.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

#ifdef NEW_BEFORE
/* In no data segment: that it moves others shows in code alone. */
int checked;
#endif
static int booked;
static int refused;
static int totals[8];
static char line[64];

#ifdef NEW_DATA
static int limits[4] = {100, 200, 300, 400};
#endif

#ifdef NEW_TEXT
static const char heading[] = "amounts:\n";
#else
static const char heading[] = "amount:\n";
#endif

typedef int (*rule)(int account, int amount);

/* The function with the mistake: it charges too much. */
#ifdef NEW_SIGNATURE
static NOINLINE int fee(int amount, int account) { return amount / 100 + account; }
#else
static NOINLINE int fee(int amount) {
#ifdef NEW_LEAF
  if (amount < 200) return 0;
  return amount / 100;
#else
  return amount / 10;
#endif
}
#endif

static int rule_small(int account, int amount) { return amount < 5000 - account; }
static int rule_even(int account, int amount) { return (amount + account) % 2 == 0; }
#ifdef NEW_RULE
static int rule_odd(int account, int amount) { return (amount + account) % 2 == 1; }
#endif

/* Where function pointers come from, and in which order the linker puts them into the table. */
static NOINLINE rule choose(int i) {
#if defined NEW_ORDER
  static const rule rules[] = {rule_even, rule_small};
  return rules[(i + 1) & 1];
#elif defined NEW_RULE
  static const rule rules[] = {rule_small, rule_even};
  return i == 77 ? rule_odd : rules[i & 1];
#else
  static const rule rules[] = {rule_small, rule_even};
  return rules[i & 1];
#endif
}

static NOINLINE void print(const char *text, int number) {
  int length = 0;
  while (*text) line[length++] = *text++;
  char digits[12];
  int count = 0;
  do digits[count++] = '0' + number % 10;
  while (number /= 10);
  while (count) line[length++] = digits[--count];
  line[length++] = '\n';
  write(1, line, length);
}

static NOINLINE int book(int account, int amount, rule allowed) {
#ifdef NEW_BEFORE
  checked++;
#endif
  if (!allowed(account, amount)) {
    refused++;
    return 0;
  }
  booked++;
#ifdef NEW_SIGNATURE
  totals[account & 7] += amount - fee(amount, account);
#else
  totals[account & 7] += amount - fee(amount);
#endif
  return 1;
}

static NOINLINE void run(int rounds) {
#ifdef NEW_FRAME
  print("rounds ", rounds);
#endif
  for (int i = 0; i < rounds; i++) {
    rule allowed = choose(i);
    for (int k = 0; k < 100; k++) book(i + k, 10 * k + i, allowed);
    print("total ", totals[i & 7]);
  }
}

int main(int argc, char **argv) {
  write(1, heading, sizeof heading - 1);
  run(20 * argc);
  print("booked ", booked);
  print("refused ", refused);
#ifdef NEW_DATA
  print("limit ", limits[booked & 3]);
#endif
  return 0;
}
