#define LONG_SIZE 4000
#include "../kernels/jacobi.c"
#include "long.h"
