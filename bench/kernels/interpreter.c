/* A bytecode interpreter with a stack and variables: it runs a loop of n rounds with an inner loop, tests
   and calls. */
#include "kernel.h"

enum { PUSH, GET, SET, ADD, SUB, MUL, AND, XOR, SHR, LESS, JUMP, UNLESS, CALL, RETURN, HALT, INC };

int run(int n) {
  static const int program[] = {
      /*  0 */ GET, 0, GET, 9, LESS, UNLESS, 35,         /* while (i < n) */
      /*  7 */ PUSH, 0, SET, 1,                          /*   j = 0 */
      /* 11 */ GET, 1, PUSH, 20, LESS, UNLESS, 31,       /*   while (j < 20) */
      /* 18 */ CALL, 36, INC, 1,                         /*     f(); j++ */
      /* 22 */ GET, 2, PUSH, 1, AND, UNLESS, 11,         /*     if (x & 1) */
      /* 29 */ JUMP, 11,
      /* 31 */ INC, 0, JUMP, 0,                          /*   i++ */
      /* 35 */ HALT,
      /* 36 */ GET, 2, PUSH, 1103515245, MUL, GET, 0, ADD, GET, 1, XOR, PUSH, 12345, ADD, SET, 2,
      /* 52 */ GET, 3, GET, 2, PUSH, 7, SHR, ADD, SET, 3, RETURN,
  };
  uint32_t variable[10] = {0}, stack[64], *top = stack;
  const int *at = program, *back[16];
  int depth = 0;
  variable[2] = 42;
  variable[9] = (uint32_t)n;
  for (;;) {
    switch (*at++) {
      case PUSH: *top++ = (uint32_t)*at++; break;
      case GET: *top++ = variable[*at++]; break;
      case SET: variable[*at++] = *--top; break;
      case ADD: top--; top[-1] += *top; break;
      case SUB: top--; top[-1] -= *top; break;
      case MUL: top--; top[-1] *= *top; break;
      case AND: top--; top[-1] &= *top; break;
      case XOR: top--; top[-1] ^= *top; break;
      case SHR: top--; top[-1] >>= *top & 31; break;
      case LESS: top--; top[-1] = top[-1] < *top; break;
      case JUMP: at = program + *at; break;
      case UNLESS: at = *--top == 0 ? program + *at : at + 1; break;
      case CALL: back[depth++] = at + 1; at = program + *at; break;
      case RETURN: at = back[--depth]; break;
      case INC: variable[*at++]++; break;
      case HALT: return (int)fold(fold(1, variable[2]), variable[3]);
    }
  }
}
