/* The guest of bench/capture.ts: fills memory, recurses, and works at the bottom until it is told to end. It imports
   one function and returns a checksum that depends on its arguments and on the number of rounds alone. */
#include <stdint.h>

#define NOINLINE __attribute__((noinline))
#define EXPORT(name) __attribute__((export_name(#name)))

/* Called after each round of work; 0 ends it. */
__attribute__((import_module("bench"), import_name("more"))) int more(void);

static uint32_t state;

/* xorshift32 */
static uint32_t next(void) {
  state ^= state << 13;
  state ^= state >> 17;
  return state ^= state << 5;
}

static uint32_t fold(uint32_t sum, uint32_t value) {
  sum = (sum ^ value) * 16777619u;
  return sum ^ sum >> 15;
}

/* ---- contents ---- */

/* What a program with many small objects has: links, counts, lengths, prices, names. */
struct record {
  uint32_t next, kind, count, length;
  double price;
  uint64_t time;
  char name[24];
  uint32_t unused[2];
};

static void fill_heap(uint32_t *words, uint32_t bytes) {
  struct record *records = (struct record *)words;
  uint32_t count = bytes / sizeof *records;
  for (uint32_t i = 0; i < count; i++) {
    struct record *r = records + i;
    r->next = (uint32_t)(uintptr_t)(records + next() % count);
    r->kind = 0x10400 + 16 * (next() & 15);
    r->count = 1 + (next() & 3);
    r->length = 8 + next() % 16;
    r->price = (double)(next() % 100000) / 100;
    r->time = 1700000000000ull + i * 37ull;
    for (uint32_t k = 0; k < r->length; k++) r->name[k] = "etaoinshrdlucmfw"[next() & 15];
  }
}

/* Words of a language, frequent ones more often. */
static void fill_text(uint32_t *words, uint32_t bytes) {
  char *text = (char *)words;
  for (uint32_t at = 0; at < bytes;) {
    uint32_t word = next() % (1 + next() % 20000), seed = word * 2654435761u;
    for (uint32_t k = 2 + seed % 9; k > 0 && at < bytes; k--, seed = seed * 1664525u + 1013904223u)
      text[at++] = "etaoinshrdlucmfwypvbgkjqxz"[(seed >> 16) % 26];
    if (at < bytes) text[at++] = ' ';
  }
}

/* Results of arithmetic: all but the exponents is as good as random. */
static void fill_floats(uint32_t *words, uint32_t bytes) {
  double *floats = (double *)words;
  for (uint32_t i = 0; i < bytes / 8; i++) floats[i] = (next() + next() / 4294967296.0) / 4294967296.0;
}

/* A graph in rows: neighbours ascend in each. */
static void fill_graph(uint32_t *words, uint32_t bytes) {
  for (uint32_t i = 0, node = 0; i < bytes / 4; i++) {
    if ((i & 15) == 0) node = next() & 0xfffff;
    words[i] = node += next() & 0xffff;
  }
}

/* ---- work: each function is the frame that is stopped ---- */

#define ORDER 64
#define CELLS 4096
static double left[ORDER * ORDER], right[ORDER * ORDER], product[ORDER * ORDER];
static uint32_t cells[CELLS];

static NOINLINE uint32_t work_int(uint32_t sum) {
  do {
    for (int i = 0; i < 200; i++)
      for (int j = 0; j < CELLS; j++) {
        uint32_t value = cells[j] * 1664525u + 1013904223u;
        cells[j] = value ^ value >> 13;
        sum += cells[j] & 0xff;
      }
  } while (more());
  return sum;
}

static NOINLINE uint32_t work_float(uint32_t sum) {
  do {
    for (int i = 0; i < ORDER; i++)
      for (int j = 0; j < ORDER; j++) {
        double total = 0;
        for (int k = 0; k < ORDER; k++) total += left[i * ORDER + k] * right[k * ORDER + j];
        product[i * ORDER + j] = total;
      }
    for (int i = 0; i < ORDER * ORDER; i++) left[i] = product[i] * 0.03 + 0.5;
    sum = fold(sum, (uint32_t)(product[sum % CELLS] * 1000));
  } while (more());
  return sum;
}

/* All that counts is in locals: a body on its orbit. */
static NOINLINE uint32_t work_orbit(uint32_t sum) {
  double x = 1, y = 0, u = 0, v = 1, energy = 0;
  do {
    for (int i = 0; i < 100000; i++) {
      double r = x * x + y * y, pull = -0.001 / (r * __builtin_sqrt(r));
      u += x * pull, v += y * pull;
      x += u * 0.001, y += v * 0.001;
      energy += u * u + v * v;
    }
    sum = fold(sum, (uint32_t)(int32_t)(x * 1000));
  } while (more());
  return fold(sum, (uint32_t)energy);
}

/* The same in floats of 32 bits. */
static NOINLINE uint32_t work_f32(uint32_t sum) {
  float x = 1, y = 0, u = 0, v = 1;
  do {
    for (int i = 0; i < 50000; i++) {
      float r = x * x + y * y, pull = -0.001f / (r * __builtin_sqrtf(r));
      u += x * pull, v += y * pull;
      x += u * 0.001f, y += v * 0.001f;
    }
    sum = fold(sum, (uint32_t)(int32_t)(x * 1000));
  } while (more());
  return sum;
}

static NOINLINE uint32_t work_i64(uint32_t sum) {
  uint64_t a = sum, b = 0x9e3779b97f4a7c15ull;
  do {
    for (int i = 0; i < 1000; i++)
      for (int j = 0; j < 100; j++) {
        a = (a ^ (a >> 31)) * 0xbf58476d1ce4e5b9ull + b;
        b += a << 3 | a >> 61;
      }
  } while (more());
  return (uint32_t)(a ^ b >> 32);
}

static NOINLINE uint32_t step(uint32_t sum, uint32_t j) { return fold(sum, cells[j & (CELLS - 1)]); }

static NOINLINE uint32_t work_calls(uint32_t sum) {
  do {
    for (int i = 0; i < 100; i++)
      for (int j = 0; j < 5000; j++) sum = step(sum, i + j);
  } while (more());
  return sum;
}

/* The stop finds the inner function; the outer one goes on behind a call. */
static NOINLINE uint32_t row(uint32_t sum, int i) {
  for (int j = 0; j < CELLS; j++) sum = fold(sum, cells[j] += i);
  return sum;
}

static NOINLINE uint32_t work_outer(uint32_t sum) {
  do {
    for (int i = 0; i < 100; i++) sum = row(sum, i);
  } while (more());
  return sum;
}

static uint32_t visits;

static NOINLINE uint32_t fib(uint32_t n) {
  visits++;
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static NOINLINE uint32_t work_recursion(uint32_t sum) {
  do {
    for (int i = 0; i < 4; i++) sum = fold(sum, fib(20 + i));
  } while (more());
  return sum;
}

/* One loop with a switch in it, as interpreters have. */
static NOINLINE uint32_t work_switch(uint32_t sum) {
  uint32_t a = 1, b = 2, c = 3;
  do {
    for (int i = 0; i < 300000; i++) {
      switch (cells[i & (CELLS - 1)] & 7) {
        case 0: a += b; break;
        case 1: b ^= a << 3; break;
        case 2: c -= a; break;
        case 3: a = a * 5 + c; break;
        case 4: b = b >> 1 | c << 31; break;
        case 5: c ^= i; break;
        case 6: if (a > b) a ^= c; break;
        default: sum += a; break;
      }
    }
    sum = fold(sum, a ^ b ^ c);
  } while (more());
  return sum;
}

/* Rounds of a microsecond or two: whoever counts them knows at once that the guest runs. */
static NOINLINE uint32_t work_spin(uint32_t sum) {
  do {
    for (int i = 0; i < 1000; i++) sum = fold(sum, i);
  } while (more());
  return sum;
}

static uint32_t (*const works[])(uint32_t) = {work_spin, work_int,   work_float, work_orbit,     work_f32,
                                              work_i64,  work_calls, work_outer, work_recursion, work_switch};
static void (*const contents[])(uint32_t *, uint32_t) = {fill_heap, fill_text, fill_floats, fill_graph};

static NOINLINE uint32_t descend(int depth, int work, uint32_t sum) {
  if (depth == 0) return works[work](sum);
  uint32_t mine = fold(sum, depth);
  return fold(descend(depth - 1, work, mine), mine);
}

/* `kilobytes` of `content`, `depth` frames, `work` at the bottom. */
EXPORT(run) uint32_t run(int content, uint32_t kilobytes, int depth, int work) {
  state = 2463534242u;
  uint32_t bytes = kilobytes * 1024;
  uint32_t *words = (uint32_t *)(uintptr_t)(65536u * __builtin_wasm_memory_grow(0, (bytes + 65535) / 65536));
  contents[content](words, bytes);
  for (int i = 0; i < CELLS; i++) cells[i] = next();
  for (int i = 0; i < ORDER * ORDER; i++) left[i] = next() % 1000 / 1000.0, right[i] = next() % 1000 / 1000.0;
  uint32_t sum = descend(depth, work, 1);
  for (uint32_t i = 0; i < bytes / 4; i++) sum = fold(sum, words[i]);
  return sum;
}
