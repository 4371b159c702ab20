/* Reads standard input line by line and answers each line at once, so it can be stopped while it waits
   for more. The exit code is the number of lines, modulo 100. */
#include "program.h"

int main(void) {
  static char line[4096];
  int count = 0;
  while (fgets(line, sizeof line, stdin) != NULL) {
    size_t size = strcspn(line, "\n");
    for (size_t i = 0; i < size; i++) fold((unsigned char)line[i]);
    printf("%d %d %08x\n", ++count, (int)size, (unsigned)checksum);
    fflush(stdout);
  }
  done();
  return count % 100;
}
