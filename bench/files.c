/*
 * File throughput as a guest sees it, the best of three rounds in milliseconds, on a file that is there:
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

#define ROUNDS 3

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

/* Opens and closes a file. */
static void open_often(const char *path, int times) {
  for (int i = 0; i < times; i++) close(open_file(path, O_RDONLY));
}
/* Writes or reads a whole file that is there. */
static void transfer(int writing, const char *path, long size, long long total) {
  int fd = open_file(path, writing ? O_WRONLY : O_RDONLY);
  if (writing) {
    write_all(fd, size, total);
  } else {
    long long at = 0;
    for (ssize_t count; (count = read(fd, buffer, size)) != 0; at += count) must(count > 0, "read");
    must(at == total, "length");
  }
  close(fd);
}

int main(int argc, char **argv) {
  must(argc == 4, "usage: files read|write BYTES-PER-CALL MEGABYTES | open PATH TIMES");
  int opening = strcmp(argv[1], "open") == 0, writing = strcmp(argv[1], "write") == 0;
  const char *path = opening ? argv[2] : "/data";
  long size = opening ? 0 : atol(argv[2]);
  long long total = opening ? 0 : atoll(argv[3]) * 1048576;
  must(opening || (size > 0 && size <= (long)sizeof buffer && total % size == 0), "size");
  if (strncmp(path, "/folder/", 8) == 0) mkdir("/folder", 0755);
  int fd = open_file(path, O_WRONLY | O_CREAT);
  write_all(fd, sizeof buffer, total);
  close(fd);
  double best = 0;
  for (int round = 0; round < ROUNDS; round++) {
    double start = now();
    if (opening) open_often(path, atoi(argv[3]));
    else transfer(writing, path, size, total);
    double took = now() - start;
    if (round == 0 || took < best) best = took;
  }
  printf("%.3f\n", best);
}
