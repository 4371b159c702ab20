#define LONG_SIZE 10000
#include "../kernels/sha256.c"
#include "long.h"
