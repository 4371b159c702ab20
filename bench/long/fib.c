#define LONG_SIZE 46
#include "../kernels/fib.c"
#include "long.h"
