/* A small language model of the Llama kind on random weights, in f32: n tokens are generated one by one
   (root-mean-square norm, rotary positions, attention over a key and value cache, gated feed-forward). */
#include "kernel.h"

#define DIM 96
#define HEADS 4
#define HEAD (DIM / HEADS)
#define HIDDEN 256
#define LAYERS 3
#define VOCABULARY 320
#define LONGEST 256

typedef struct { float *norm1, *q, *k, *v, *out, *norm2, *gate, *up, *down, *keys, *values; } layer;

static float *weights(random_state *r, int count, float scale) {
  float *w = need((size_t)count * 4);
  for (int i = 0; i < count; i++) w[i] = random_f32(r) * scale;
  return w;
}

static NOINLINE void matrix_vector(float *to, const float *x, const float *w, int rows, int columns) {
  for (int i = 0; i < rows; i++) {
    float sum = 0;
    for (int j = 0; j < columns; j++) sum += w[i * columns + j] * x[j];
    to[i] = sum;
  }
}

static void norm(float *to, const float *x, const float *weight) {
  float square = 0;
  for (int i = 0; i < DIM; i++) square += x[i] * x[i];
  float scale = 1.0f / sqrtf(square / DIM + 1e-5f);
  for (int i = 0; i < DIM; i++) to[i] = x[i] * scale * (1 + weight[i]);
}

static void softmax(float *x, int count) {
  float largest = x[0], sum = 0;
  for (int i = 1; i < count; i++)
    if (x[i] > largest) largest = x[i];
  for (int i = 0; i < count; i++) sum += x[i] = expf(x[i] - largest);
  for (int i = 0; i < count; i++) x[i] /= sum;
}

static void rotate_pairs(float *x, int position) {
  for (int i = 0; i < DIM; i += 2) {
    float angle = (float)position * powf(10000.0f, -(float)(i % HEAD) / HEAD);
    float c = cosf(angle), s = sinf(angle), a = x[i], b = x[i + 1];
    x[i] = a * c - b * s;
    x[i + 1] = a * s + b * c;
  }
}

static NOINLINE void attention(float *to, const float *q, const layer *l, int position) {
  for (int head = 0; head < HEADS; head++) {
    float score[LONGEST];
    int at = head * HEAD;
    for (int t = 0; t <= position; t++) {
      float sum = 0;
      for (int i = 0; i < HEAD; i++) sum += q[at + i] * l->keys[t * DIM + at + i];
      score[t] = sum / sqrtf(HEAD);
    }
    softmax(score, position + 1);
    for (int i = 0; i < HEAD; i++) to[at + i] = 0;
    for (int t = 0; t <= position; t++)
      for (int i = 0; i < HEAD; i++) to[at + i] += score[t] * l->values[t * DIM + at + i];
  }
}

static void forward(float *logits, const float *embedding, const layer *layers, int token, int position) {
  float x[DIM], y[DIM], z[DIM], q[DIM], gate[HIDDEN], up[HIDDEN];
  memcpy(x, embedding + token * DIM, sizeof x);
  for (int i = 0; i < LAYERS; i++) {
    const layer *l = &layers[i];
    float *key = l->keys + position * DIM;
    norm(y, x, l->norm1);
    matrix_vector(q, y, l->q, DIM, DIM);
    matrix_vector(key, y, l->k, DIM, DIM);
    matrix_vector(l->values + position * DIM, y, l->v, DIM, DIM);
    rotate_pairs(q, position);
    rotate_pairs(key, position);
    attention(y, q, l, position);
    matrix_vector(z, y, l->out, DIM, DIM);
    for (int j = 0; j < DIM; j++) x[j] += z[j];
    norm(y, x, l->norm2);
    matrix_vector(gate, y, l->gate, HIDDEN, DIM);
    matrix_vector(up, y, l->up, HIDDEN, DIM);
    for (int j = 0; j < HIDDEN; j++) gate[j] *= up[j] / (1.0f + expf(-gate[j]));
    matrix_vector(z, gate, l->down, DIM, HIDDEN);
    for (int j = 0; j < DIM; j++) x[j] += z[j];
  }
  norm(y, x, layers[0].norm1);
  matrix_vector(logits, y, embedding, VOCABULARY, DIM);
}

int run(int n) {
  if (n > LONGEST) __builtin_trap();
  layer layers[LAYERS];
  random_state r = random_seeded(21);
  float *embedding = weights(&r, VOCABULARY * DIM, 1), logits[VOCABULARY];
  for (int i = 0; i < LAYERS; i++)
    layers[i] = (layer){weights(&r, DIM, 0.1f),          weights(&r, DIM * DIM, 0.5f),    weights(&r, DIM * DIM, 0.5f),
                        weights(&r, DIM * DIM, 0.5f),    weights(&r, DIM * DIM, 0.5f),    weights(&r, DIM, 0.1f),
                        weights(&r, HIDDEN * DIM, 0.5f), weights(&r, HIDDEN * DIM, 0.5f), weights(&r, DIM * HIDDEN, 0.5f),
                        need(LONGEST * DIM * 4),         need(LONGEST * DIM * 4)};
  uint32_t sum = 1;
  for (int position = 0, token = 1; position < n; position++) {
    forward(logits, embedding, layers, token, position);
    /* The best token is taken; one in eight is drawn instead, so that the text does not go in circles. */
    token = 0;
    for (int i = 1; i < VOCABULARY; i++)
      if (logits[i] > logits[token]) token = i;
    if (position % 8 == 7) token = (int)random_below(&r, VOCABULARY);
    sum = fold(fold_f32(sum, logits[token]), (uint32_t)token);
  }
  for (int i = 0; i < LAYERS; i++) {
    layer *l = &layers[i];
    free(l->norm1), free(l->q), free(l->k), free(l->v), free(l->out), free(l->norm2);
    free(l->gate), free(l->up), free(l->down), free(l->keys), free(l->values);
  }
  free(embedding);
  return (int)sum;
}
