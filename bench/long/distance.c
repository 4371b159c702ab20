#define LONG_SIZE 38000
#include "../kernels/distance.c"
#include "long.h"
