#define LONG_SIZE 1500
#include "../kernels/matmul.c"
#include "long.h"
