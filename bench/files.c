/*
 * File throughput as a guest sees it, in milliseconds without what was needed to get ready:
 *   files read|write BYTES-PER-CALL MEGABYTES
 *   files open PATH TIMES          opens and closes
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
static int open_file(const char *path, int flags) {
  int fd = open(path, flags, 0644);
  must(fd >= 0, path);
  return fd;
}
static void write_all(int fd, long size, long long total) {
  for (long long at = 0; at < total; at += size) must(write(fd, buffer, size) == size, "write");
}

int main(int argc, char **argv) {
  must(argc == 4, "usage: files read|write BYTES-PER-CALL MEGABYTES | open PATH TIMES");
  double start;
  if (strcmp(argv[1], "open") == 0) {
    /* A path below a directory, where there is one. */
    char *slash = strrchr(argv[2], '/');
    if (slash != NULL && slash != argv[2]) {
      *slash = 0;
      mkdir(argv[2], 0755);
      *slash = '/';
    }
    close(open_file(argv[2], O_WRONLY | O_CREAT));
    int times = atoi(argv[3]);
    start = now();
    for (int i = 0; i < times; i++) close(open_file(argv[2], O_RDONLY));
  } else {
    long size = atol(argv[2]);
    long long total = atoll(argv[3]) * 1048576;
    must(size > 0 && size <= (long)sizeof buffer && total % size == 0, "size");
    /* What is timed overwrites or reads blocks that are there. */
    int fd = open_file("/data", O_WRONLY | O_CREAT);
    write_all(fd, sizeof buffer, total);
    close(fd);
    start = now();
    if (strcmp(argv[1], "write") == 0) {
      fd = open_file("/data", O_WRONLY);
      write_all(fd, size, total);
    } else {
      long long at = 0;
      fd = open_file("/data", O_RDONLY);
      for (ssize_t count; (count = read(fd, buffer, size)) != 0; at += count) must(count > 0, "read");
      must(at == total, "length");
    }
    close(fd);
  }
  printf("%.3f\n", now() - start);
}
