#define LONG_SIZE 35000000
#include "../kernels/nbody.c"
#include "long.h"
