/* Recursion with large frames: kilobytes of array on the shadow stack, and many locals of all four
   types that stay live across two recursive calls. */
#include "program.h"

#define BOX 256

static NOINLINE double walk(int depth, uint32_t seed, int64_t wide, double real, float small) {
  uint32_t box[BOX];
  uint32_t state = seed | 1;
  for (int i = 0; i < BOX; i++) box[i] = next_random(&state);

  int64_t w0 = wide * 3 + depth, w1 = wide ^ (int64_t)seed << 20, w2 = w0 - w1, w3 = w0 ^ ~w1;
  double r0 = real * 0.5 + depth, r1 = real - box[depth] * 1e-9, r2 = r0 * r1, r3 = r0 - r1;
  float s0 = small * 1.25f, s1 = small + (float)box[1], s2 = s0 - s1 * 0.001f, s3 = s0 + 1.0f;
  uint32_t i0 = box[2] >> 3, i1 = box[3] ^ seed, i2 = i0 + i1, i3 = i0 * 5 + 1;

  if (depth == 0) {
    fold64((uint64_t)(w2 + w3));
    fold_f32(s2 + s3);
    return r2 + r3 + (double)(i2 ^ i3);
  }
  /* Both calls stand in one expression, so the first result waits on the operand stack. */
  double sum = walk(depth - 1, i0 ^ box[9], w2, r0, s0) * 0.25 +
               walk(depth - 1, i1 + box[17], w3, r1, s1) * 0.125 + (r2 - r3);
  uint32_t mixed = i2 + i3;
  for (int i = 0; i < BOX; i += 7) mixed = mixed * 31 + box[i];
  fold(mixed);
  fold64((uint64_t)(w0 + w1) * (uint64_t)(w2 | 1));
  fold_f32(s0 * s3 - s2);
  return sum + (double)(w3 & 0xffff) + r1 * 1e-3;
}

int main(int argc, char **argv) {
  int rounds = number_argument(argc, argv, 1, 36);
  double total = 0;
  for (int round = 1; round <= rounds; round++) {
    total += walk(13, (uint32_t)round * 2654435761u, round, total * 1e-12, (float)round);
    fold_f64(total);
    say("walk", round);
  }
  return done();
}
