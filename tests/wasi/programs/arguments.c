/* Arguments, environment and the exit code. */
#include "check.h"

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) printf("[%s]", argv[i]);
  printf(" %s %s\n", getenv("GREETING"), getenv("MISSING") ? "set" : "unset");
  return 7;
}
