/* File times: set, kept, and moved by writing. */
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct stat get(const char *path) {
  struct stat stat;
  CHECK(lstat(path, &stat) == 0);
  return stat;
}

int main(void) {
  int fd = open("file", O_RDWR | O_CREAT, 0644);
  CHECK(fd >= 0 && symlink("file", "link") == 0);
  struct timespec both[2] = {{1111, 222333444}, {5555, 666777888}};
  CHECK(futimens(fd, both) == 0);
  struct stat stat = get("file");
  CHECK(stat.st_atim.tv_sec == 1111 && stat.st_atim.tv_nsec == 222333444);
  CHECK(stat.st_mtim.tv_sec == 5555 && stat.st_mtim.tv_nsec == 666777888);
  struct timespec one[2] = {{0, UTIME_OMIT}, {7777, 1}};
  CHECK(utimensat(AT_FDCWD, "link", one, 0) == 0);
  stat = get("file");
  CHECK(stat.st_atim.tv_sec == 1111 && stat.st_atim.tv_nsec == 222333444);
  CHECK(stat.st_mtim.tv_sec == 7777 && stat.st_mtim.tv_nsec == 1);
  CHECK(utimensat(AT_FDCWD, "link", both, AT_SYMLINK_NOFOLLOW) == 0);
  CHECK(get("link").st_mtim.tv_sec == 5555 && get("file").st_mtim.tv_sec == 7777);
  CHECK(futimens(fd, both) == 0 && write(fd, "x", 1) == 1);
  CHECK(get("file").st_mtim.tv_sec > 1600000000);
  puts("times ok");
}
