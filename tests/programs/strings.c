/* String processing: text is generated, split, counted in a hash table, searched, replaced, formatted and
   parsed back. */
#include "program.h"
#include <ctype.h>

#define BUCKETS 512
#define TEXT 60000

typedef struct word { struct word *next; int count; char text[]; } word;

static word *bucket[BUCKETS];
static char text[TEXT + 64], other[2 * TEXT + 64];

static const char *const syllables[] = {"ka", "lo", "mi", "ter", "an", "os", "ri", "ven", "u", "sta", "el", "por"};

static size_t write_text(uint32_t *state) {
  size_t at = 0;
  while (at < TEXT) {
    for (uint32_t n = 1 + next_random(state) % 3; n > 0; n--) {
      const char *part = syllables[next_random(state) % 12];
      size_t size = strlen(part);
      memcpy(text + at, part, size);
      at += size;
    }
    uint32_t end = next_random(state) % 40;
    if (end == 0) at += (size_t)sprintf(text + at, " %d.%02d", (int)(next_random(state) % 1000), (int)end);
    text[at++] = end < 3 ? '.' : end == 3 ? '\n' : ' ';
  }
  text[at] = 0;
  return at;
}

static void count(const char *start, size_t size) {
  uint32_t hash = 5381;
  for (size_t i = 0; i < size; i++) hash = hash * 33 ^ (unsigned char)tolower(start[i]);
  word **at = &bucket[hash % BUCKETS];
  for (; *at != NULL; at = &(*at)->next) {
    if (strncasecmp((*at)->text, start, size) == 0 && (*at)->text[size] == 0) {
      (*at)->count++;
      return;
    }
  }
  *at = malloc(sizeof(word) + size + 1);
  (*at)->next = NULL;
  (*at)->count = 1;
  memcpy((*at)->text, start, size);
  (*at)->text[size] = 0;
}

static void replace(const char *what, const char *with) {
  size_t size = strlen(what), added = strlen(with);
  char *to = other;
  const char *from = text;
  for (const char *hit; (hit = strstr(from, what)) != NULL; from = hit + size) {
    memcpy(to, from, (size_t)(hit - from));
    to += hit - from;
    memcpy(to, with, added);
    to += added;
  }
  strcpy(to, from);
}

int main(int argc, char **argv) {
  int rounds = number_argument(argc, argv, 1, 60);
  uint32_t state = 2024;
  for (int round = 1; round <= rounds; round++) {
    write_text(&state);
    for (char *start = text; *start != 0;) {
      size_t skip = strcspn(start, " .\n"), gap = strspn(start + skip, " .\n");
      if (skip > 0) count(start, skip);
      start += skip + gap;
    }
    for (int pass = 0; pass < 8; pass++) {
      replace(syllables[pass], syllables[(pass + round) % 12]);
      fold((uint32_t)strlen(other));
    }
    for (char *c = other; *c != 0; c++) fold((uint32_t)(isupper((unsigned char)*c) ? *c : toupper((unsigned char)*c)));
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
      const char *digits = strpbrk(line, "0123456789");
      char formatted[80];
      if (digits != NULL) fold((uint32_t)strtol(digits, NULL, 10));
      snprintf(formatted, sizeof formatted, "%-10.6s|%5d|%x|%c", line, (int)strlen(line), (unsigned)strlen(line), line[0]);
      for (const char *c = formatted; *c != 0; c++) fold((uint32_t)*c);
    }
    int words = 0;
    for (int i = 0; i < BUCKETS; i++)
      for (word *w = bucket[i]; w != NULL; w = w->next) fold((uint32_t)w->count), words++;
    say("words", words);
  }
  return done();
}
