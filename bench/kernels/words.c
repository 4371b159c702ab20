/* String processing: n KiB of text are split into words, lower-cased and counted in a hash table, searched
   for patterns, and written out again with numbers formatted in between. */
#include "kernel.h"

#define BUCKETS 4096

typedef struct word { struct word *next; uint32_t hash; int length, count; const char *text; } word;

static NOINLINE uint32_t count_words(char *text, int size) {
  static word *bucket[BUCKETS];
  word *pool = need((size_t)(size / 2 + 1) * sizeof *pool);
  int used = 0;
  memset(bucket, 0, sizeof bucket);
  for (int at = 0; at < size;) {
    while (at < size && (text[at] == ' ' || text[at] == '\n' || text[at] == '.')) at++;
    int start = at;
    uint32_t hash = 5381;
    for (; at < size && text[at] != ' ' && text[at] != '\n' && text[at] != '.'; at++) {
      if (text[at] >= 'A' && text[at] <= 'Z') text[at] += 32;
      hash = hash * 33 ^ (unsigned char)text[at];
    }
    if (at == start) break;
    word *w = bucket[hash % BUCKETS];
    while (w != NULL && !(w->hash == hash && w->length == at - start && memcmp(w->text, text + start, (size_t)w->length) == 0)) w = w->next;
    if (w == NULL) {
      w = &pool[used++];
      *w = (word){bucket[hash % BUCKETS], hash, at - start, 0, text + start};
      bucket[hash % BUCKETS] = w;
    }
    w->count++;
  }
  uint32_t sum = (uint32_t)used;
  for (int i = 0; i < used; i++) sum = fold(sum, (uint32_t)pool[i].count ^ pool[i].hash);
  free(pool);
  return sum;
}

/* Boyer, Moore, Horspool. */
static NOINLINE int occurrences(const char *text, int size, const char *pattern) {
  int length = (int)strlen(pattern), skip[256], found = 0;
  for (int i = 0; i < 256; i++) skip[i] = length;
  for (int i = 0; i < length - 1; i++) skip[(unsigned char)pattern[i]] = length - 1 - i;
  for (int at = 0; at + length <= size; at += skip[(unsigned char)text[at + length - 1]]) {
    int i = length - 1;
    while (i >= 0 && text[at + i] == pattern[i]) i--;
    found += i < 0;
  }
  return found;
}

static NOINLINE int number_lines(const char *text, int size, char *out) {
  char *to = out;
  for (int at = 0, line = 1; at < size; line++) {
    char digits[12];
    int count = 0;
    for (int rest = line; rest > 0; rest /= 10) digits[count++] = (char)('0' + rest % 10);
    while (count > 0) *to++ = digits[--count];
    *to++ = ':';
    while (at < size && text[at] != '\n') *to++ = text[at++];
    *to++ = '\n';
    at++;
  }
  return (int)(to - out);
}

int run(int n) {
  static const char *const pattern[] = {"the", "abacus", "zz", "lore", "e t"};
  int size = n * 1024;
  char *text = need((size_t)size), *out = need((size_t)size * 3 + 16);
  random_state r = random_seeded(16);
  for (int at = 0; at < size;) {
    uint32_t length = 1 + random_below(&r, 9), which = random_below(&r, 700);
    for (uint32_t i = 0; i < length && at < size; i++)
      text[at++] = (char)((i == 0 && which % 5 == 0 ? 'A' : 'a') + (which * (i * i + 3) >> 2) % 26);
    if (at < size) text[at++] = " . \n    "[random_u32(&r) >> 29];
  }
  uint32_t sum = 1;
  for (int i = 0; i < 5; i++) sum = fold(sum, (uint32_t)occurrences(text, size, pattern[i]));
  int written = number_lines(text, size, out);
  for (int i = 0; i < written; i += 7) sum = fold(sum, (unsigned char)out[i]);
  sum = fold(sum, count_words(text, size));
  free(text), free(out);
  return (int)sum;
}
