#define LONG_SIZE 500000000
#include "../kernels/random64.c"
#include "long.h"
