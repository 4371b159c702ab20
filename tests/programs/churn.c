/* malloc, realloc and free without end: blocks of all sizes, a tree and a hash table that are built and
   torn down while others live on. */
#include "program.h"

#define SLOTS 1024

typedef struct node { struct node *left, *right; uint32_t key; char text[12]; } node;

static node *insert(node *root, uint32_t key) {
  if (root == NULL) {
    node *fresh = malloc(sizeof *fresh);
    *fresh = (node){.key = key};
    snprintf(fresh->text, sizeof fresh->text, "%u", (unsigned)key);
    return fresh;
  }
  if (key < root->key) root->left = insert(root->left, key);
  else if (key > root->key) root->right = insert(root->right, key);
  return root;
}

static void release(node *root) {
  if (root == NULL) return;
  release(root->left);
  fold((uint32_t)root->text[0] + root->key);
  release(root->right);
  free(root);
}

static unsigned char *slot[SLOTS];
static uint32_t length[SLOTS];

int main(int argc, char **argv) {
  int rounds = number_argument(argc, argv, 1, 40);
  uint32_t state = 7;
  for (int round = 1; round <= rounds; round++) {
    for (int i = 0; i < 40000; i++) {
      uint32_t which = next_random(&state) % SLOTS, kind = next_random(&state) % 8;
      uint32_t size = 1 + next_random(&state) % (kind == 0 ? 20000 : 200);
      if (slot[which] == NULL) {
        slot[which] = kind & 1 ? calloc(size, 1) : malloc(size);
        memset(slot[which], (int)which, size);
        length[which] = size;
      } else if (kind < 3) {
        slot[which] = realloc(slot[which], size);
        if (size > length[which]) memset(slot[which] + length[which], (int)kind, size - length[which]);
        length[which] = size;
      } else {
        fold(slot[which][length[which] / 2] + length[which]);
        free(slot[which]);
        slot[which] = NULL;
      }
    }
    say("blocks", round);
    node *root = NULL;
    for (int i = 0; i < 8000; i++) root = insert(root, next_random(&state));
    release(root);
    say("tree", round);
  }
  for (int i = 0; i < SLOTS; i++) free(slot[i]);
  return done();
}
