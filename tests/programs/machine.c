/* A bytecode machine: an assembler for a small stack language, and an interpreter that is one loop around
   one big switch (br_table). The interpreted programs count primes, compute Fibonacci numbers by recursion
   and hash in 64 bits. */
#include "program.h"

#define CODE 256
#define STACK 1024
#define FRAMES 64
#define VARIABLES 4

enum operation { PUSH, LOAD, STORE, JUMP, UNLESS, CALL, RETURN, ADD, SUB, MUL, REM, XOR, SHIFT, LESS, DUP, DROP, OUT, HALT };
static const char *const operation_name[] = {"push", "load", "store", "jump", "unless", "call", "return", "add", "sub",
                                             "mul", "rem", "xor", "shift", "less", "dup", "drop", "out", "halt"};

/* Label: NAME: and @NAME. Every frame has variables of its own; `n` is what main() passes. */
static const char primes[] =
    "store 3  push 2 store 0"
    " next: load 0 load 3 less unless @end"
    "   push 2 store 1"
    "   try: load 0 load 1 dup mul less push 1 xor unless @prime"
    "     load 0 load 1 rem unless @composite"
    "     load 1 push 1 add store 1 jump @try"
    "   prime: load 0 out"
    "   composite: load 0 push 1 add store 0 jump @next"
    " end: halt";

static const char fibonacci[] =
    "call @fib out halt"
    " fib: store 0 load 0 push 2 less unless @more load 0 return"
    " more: load 0 push 1 sub call @fib load 0 push 2 sub call @fib add return";

static const char hashing[] =
    "store 0 push 1 store 1"
    " again: load 0 unless @end"
    "   load 1 load 0 xor push 16777619 mul dup push 29 shift xor store 1"
    "   load 0 push 1 sub store 0 jump @again"
    " end: load 1 out halt";

static int64_t code[CODE];

static int find_label(const char *source, const char *name, size_t size) {
  int at = 0;
  for (const char *c = source; *c != 0;) {
    size_t length = strcspn(c, " ");
    if (length > 0 && c[length - 1] == ':') {
      if (length - 1 == size && memcmp(c, name, size) == 0) return at;
    } else if (length > 0) {
      at++;
    }
    c += length + strspn(c + length, " ");
  }
  fprintf(stderr, "machine: no label %.*s\n", (int)size, name);
  exit(1);
}

static void assemble(const char *source) {
  int at = 0;
  for (const char *c = source; *c != 0;) {
    size_t length = strcspn(c, " ");
    if (*c == '@') {
      code[at++] = find_label(source, c + 1, length - 1);
    } else if (*c >= '0' && *c <= '9') {
      code[at++] = atoi(c);
    } else if (c[length - 1] != ':') {
      int found = 0;
      while (strlen(operation_name[found]) != length || memcmp(operation_name[found], c, length) != 0) found++;
      code[at++] = found;
    }
    c += length + strspn(c + length, " ");
  }
}

/* Runs until `halt`; folds what the program puts out and returns the number of instructions. */
static NOINLINE uint32_t interpret(int64_t argument) {
  static int64_t stack[STACK];
  static struct { int64_t variable[VARIABLES]; int back; } frame[FRAMES];
  int64_t *top = stack;
  int at = 0, depth = 0;
  uint32_t steps = 0;
  *top++ = argument;
  for (;; steps++) {
    switch ((enum operation)code[at++]) {
      case PUSH: *top++ = code[at++]; break;
      case LOAD: *top++ = frame[depth].variable[code[at++]]; break;
      case STORE: frame[depth].variable[code[at++]] = *--top; break;
      case JUMP: at = (int)code[at]; break;
      case UNLESS: at = *--top == 0 ? (int)code[at] : at + 1; break;
      case CALL: frame[++depth].back = at + 1; at = (int)code[at]; break;
      case RETURN: at = frame[depth--].back; break;
      case ADD: top--; top[-1] += top[0]; break;
      case SUB: top--; top[-1] -= top[0]; break;
      case MUL: top--; top[-1] = (int64_t)((uint64_t)top[-1] * (uint64_t)top[0]); break;
      case REM: top--; top[-1] %= top[0]; break;
      case XOR: top--; top[-1] ^= top[0]; break;
      case SHIFT: top--; top[-1] = (int64_t)((uint64_t)top[-1] >> (top[0] & 63)); break;
      case LESS: top--; top[-1] = top[-1] < top[0]; break;
      case DUP: top[0] = top[-1]; top++; break;
      case DROP: top--; break;
      case OUT: fold64((uint64_t)*--top); break;
      case HALT: return steps;
    }
  }
}

int main(int argc, char **argv) {
  int rounds = number_argument(argc, argv, 1, 50);
  for (int round = 1; round <= rounds; round++) {
    assemble(primes);
    uint32_t steps = interpret(8000 + round);
    assemble(fibonacci);
    steps += interpret(20 + round % 3);
    assemble(hashing);
    steps += interpret(60000 + round);
    fold(steps);
    say("steps", (int)steps);
  }
  return done();
}
