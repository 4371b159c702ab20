/* LZ77 with hash chains: n KiB of text-like bytes are compressed, decompressed and compared. A token is a
   byte: below 128 that many literals follow plus one; above, a match of token - 124 bytes and its distance
   in two bytes. */
#include "kernel.h"

#define WINDOW 32768
#define HASH_BITS 14
#define SHORTEST 4
#define LONGEST 131

static inline uint32_t hash_of(const unsigned char *at) {
  uint32_t word;
  memcpy(&word, at, 4);
  return word * 2654435761u >> (32 - HASH_BITS);
}

static unsigned char *flush_literals(unsigned char *to, const unsigned char *from, size_t count) {
  while (count > 0) {
    size_t part = count < 128 ? count : 128;
    *to++ = (unsigned char)(part - 1);
    memcpy(to, from, part);
    to += part, from += part, count -= part;
  }
  return to;
}

static NOINLINE size_t compress(const unsigned char *from, int size, unsigned char *to) {
  static int head[1 << HASH_BITS], before[WINDOW];
  unsigned char *start = to;
  int literals = 0;
  for (int i = 0; i < 1 << HASH_BITS; i++) head[i] = -1;
  for (int at = 0; at < size;) {
    int best = 0, distance = 0;
    if (at + SHORTEST <= size) {
      int longest = size - at < LONGEST ? size - at : LONGEST;
      int candidate = head[hash_of(from + at)];
      for (int tries = 0; tries < 16 && candidate >= 0 && at - candidate < WINDOW; tries++) {
        int length = 0;
        while (length < longest && from[candidate + length] == from[at + length]) length++;
        if (length > best) best = length, distance = at - candidate;
        candidate = before[candidate & (WINDOW - 1)];
      }
    }
    int step = 1;
    if (best >= SHORTEST) {
      to = flush_literals(to, from + literals, (size_t)(at - literals));
      *to++ = (unsigned char)(best - SHORTEST + 128);
      *to++ = (unsigned char)distance;
      *to++ = (unsigned char)(distance >> 8);
      step = best;
      literals = at + step;
    }
    for (; step > 0; step--, at++) {
      if (at + SHORTEST > size) continue;
      uint32_t hash = hash_of(from + at);
      before[at & (WINDOW - 1)] = head[hash];
      head[hash] = at;
    }
  }
  return (size_t)(flush_literals(to, from + literals, (size_t)(size - literals)) - start);
}

static NOINLINE size_t decompress(const unsigned char *from, size_t size, unsigned char *to) {
  const unsigned char *end = from + size;
  unsigned char *start = to;
  while (from < end) {
    unsigned token = *from++;
    if (token < 128) {
      memcpy(to, from, token + 1);
      to += token + 1, from += token + 1;
    } else {
      const unsigned char *match = to - (from[0] | from[1] << 8);
      from += 2;
      for (unsigned length = token - 128 + SHORTEST; length > 0; length--) *to++ = *match++;
    }
  }
  return (size_t)(to - start);
}

int run(int n) {
  int size = n * 1024;
  unsigned char *text = need((size_t)size), *packed = need((size_t)size * 2 + 64), *again = need((size_t)size + 256);
  random_state r = random_seeded(15);
  for (int at = 0; at < size;) {
    /* Words of a small vocabulary, some random bytes, and now and then a copy of earlier text. */
    uint32_t kind = random_below(&r, 16), length = 3 + random_below(&r, kind == 0 ? 200 : 8);
    uint32_t from = kind == 0 && at > 1000 ? random_below(&r, (uint32_t)(at < 30000 ? at : 30000) - 500) + 1 : 0;
    uint32_t word = random_below(&r, 600);
    for (uint32_t i = 0; i < length && at < size; i++, at++)
      text[at] = from > 0 ? text[at - (int)from] : kind < 3 ? (unsigned char)random_u32(&r) : (unsigned char)('a' + (word * (i + 7) >> 3) % 26);
  }
  size_t packed_size = compress(text, size, packed);
  if (decompress(packed, packed_size, again) != (size_t)size || memcmp(text, again, (size_t)size) != 0) __builtin_trap();
  uint32_t sum = fold(1, (uint32_t)packed_size);
  for (size_t i = 0; i < packed_size; i++) sum = fold(sum, packed[i]);
  free(text), free(packed), free(again);
  return (int)sum;
}
