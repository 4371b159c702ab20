/* What the programs here share: a check that says where it failed, and ends with exit code 1. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                             \
  do {                                                                               \
    if (!(condition)) {                                                              \
      fprintf(stderr, "%s:%d: %s (errno %s)\n", __FILE__, __LINE__, #condition,      \
              strerror(errno));                                                      \
      exit(1);                                                                       \
    }                                                                                \
  } while (0)

/* The call fails, and with this errno. */
#define FAILS(call, code)  \
  do {                     \
    errno = 0;             \
    CHECK((call) == -1);   \
    CHECK(errno == code);  \
  } while (0)
