#define LONG_SIZE 60000
#include "../kernels/sieve.c"
#include "long.h"
