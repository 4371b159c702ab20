/* Binary trees of depth n are built node by node with malloc, counted by recursion and freed. */
#include "kernel.h"

typedef struct tree { struct tree *left, *right; } tree;

static NOINLINE tree *grow(int depth) {
  tree *t = need(sizeof *t);
  t->left = depth > 0 ? grow(depth - 1) : NULL;
  t->right = depth > 0 ? grow(depth - 1) : NULL;
  return t;
}

static NOINLINE uint32_t count(const tree *t) {
  if (t->left == NULL) return 1;
  uint32_t left = count(t->left), right = count(t->right);
  return left + right + 1;
}

static NOINLINE void fell(tree *t) {
  if (t->left != NULL) fell(t->left), fell(t->right);
  free(t);
}

int run(int n) {
  uint32_t sum = 1;
  tree *kept = grow(n);
  for (int depth = 4; depth <= n; depth += 4)
    for (int i = 0; i < 1 << (n - depth); i++) {
      tree *t = grow(depth);
      sum = fold(sum, count(t));
      fell(t);
    }
  sum = fold(sum, count(kept));
  fell(kept);
  return (int)sum;
}
