/* A kernel as a whole program: all its work is one call inside `_start`. A long program defines LONG_SIZE,
   includes a kernel and then this file. An argument replaces the size. */
#include <stdio.h>

int main(int argc, char **argv) {
  int n = argc > 1 ? atoi(argv[1]) : LONG_SIZE;
  printf("%d %08x\n", n, (unsigned)run(n));
  return 0;
}
