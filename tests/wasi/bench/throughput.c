/* File throughput as a guest sees it: argv[1] megabytes in 4 KB and 64 KB calls, argv[2] opens and closes. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static char buffer[65536];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}
static void must(int condition, const char *what) {
  if (!condition) {
    perror(what);
    exit(1);
  }
}

int main(int argc, char **argv) {
  int megabytes = argc > 1 ? atoi(argv[1]) : 256, opens = argc > 2 ? atoi(argv[2]) : 10000;
  /* Once without a clock, so that all that follows overwrites blocks that are there. */
  int fd = open("/data", O_WRONLY | O_CREAT, 0644);
  must(fd >= 0, "open");
  for (int i = 0; i < megabytes * 16; i++) must(write(fd, buffer, 65536) == 65536, "write");
  close(fd);
  for (int size = 4096; size <= 65536; size *= 16) {
    int calls = (int)((long long)megabytes * 1048576 / size);
    double start = now();
    must((fd = open("/data", O_WRONLY)) >= 0, "open");
    for (int i = 0; i < calls; i++) must(write(fd, buffer, size) == size, "write");
    close(fd);
    printf("write %d %.3f\n", size, now() - start);
    start = now();
    must((fd = open("/data", O_RDONLY)) >= 0, "open");
    for (int i = 0; i < calls; i++) must(read(fd, buffer, size) == size, "read");
    close(fd);
    printf("read %d %.3f\n", size, now() - start);
  }
  double start = now();
  for (int i = 0; i < opens; i++) {
    must((fd = open("/data", O_RDONLY)) >= 0, "open");
    close(fd);
  }
  printf("open %d %.3f\n", opens, now() - start);
  unlink("/data");
}
