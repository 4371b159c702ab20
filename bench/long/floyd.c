#define LONG_SIZE 1400
#include "../kernels/floyd.c"
#include "long.h"
