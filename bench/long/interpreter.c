#define LONG_SIZE 3500000
#include "../kernels/interpreter.c"
#include "long.h"
