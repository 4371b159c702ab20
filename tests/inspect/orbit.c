/* A program with debug information and without a library: bodies that pull each other, for ever. Built twice,
   with DWARF 4 and 5; `tests/inspect/dwarf_test.ts` knows its lines by number. */
#define BODIES 4

struct body {
  int mass;
  long long place, speed;
};

struct body bodies[BODIES] = {{3, 0, 1}, {5, 1000, -2}, {7, -500, 3}, {2, 4000, 0}};
__attribute__((used)) const char greeting[] = "bodies that pull each other";
long long rounds;

static inline __attribute__((always_inline)) long long pull(const struct body *on, const struct body *by) {
  long long way = by->place - on->place;
  long long sum = 0;
  while (way > 7 || way < -7) {
    way /= 2;
    sum += way & by->mass;
  }
  return sum;
}

__attribute__((noinline)) long long step(int self) {
  long long speed = bodies[self].speed;
  for (int i = 0; i < BODIES; i++) {
    if (i != self) speed += pull(&bodies[self], &bodies[i]);
  }
  bodies[self].speed = speed;
  bodies[self].place += speed / bodies[self].mass;
  return speed;
}

__attribute__((noinline)) double orbit(int count, float scale) {
  double energy = 0;
  for (int i = 0; i < count; i++) {
    energy += (double)step(i) * scale;
    rounds++;
  }
  return energy;
}

__attribute__((noinline)) int fail(int depth) {
  if (depth == 0) __builtin_trap();
  return fail(depth - 1) + depth;
}

__attribute__((export_name("main"))) int run(int depth) {
  return fail(depth) * 2;
}

double total;

__attribute__((export_name("_start"))) void start(void) {
  for (;;) total += orbit(BODIES, 0.5f);
}
