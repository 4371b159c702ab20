/* Hard and symbolic links: making, reading, following, loops, and ways out that are closed. */
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}
static void expect(const char *path, const char *text) {
  char buffer[64] = "";
  int fd = open(path, O_RDONLY);
  CHECK(fd >= 0 && read(fd, buffer, 63) == (ssize_t)strlen(text) && close(fd) == 0);
  CHECK(strcmp(buffer, text) == 0);
}

int main(void) {
  struct stat a, b;
  put("file", "text");
  CHECK(mkdir("dir", 0755) == 0);
  put("dir/inner", "deep");

  CHECK(link("file", "dir/hard") == 0);
  CHECK(stat("file", &a) == 0 && stat("dir/hard", &b) == 0);
  CHECK(a.st_ino == b.st_ino && a.st_nlink == 2);
  put("dir/hard", "other");
  expect("file", "other");
  FAILS(link("dir", "x"), EPERM);
  FAILS(link("file", "dir/hard"), EEXIST);
  CHECK(unlink("dir/hard") == 0);

  CHECK(symlink("dir", "to-dir") == 0 && symlink("../file", "dir/up") == 0);
  CHECK(symlink("to-dir/up", "chain") == 0 && symlink("missing", "dangling") == 0);
  expect("to-dir/inner", "deep");
  expect("chain", "other");
  char target[16] = "";
  CHECK(readlink("chain", target, sizeof target) == 9 && strcmp(target, "to-dir/up") == 0);
  CHECK(readlink("chain", target, 3) == 3);
  FAILS(readlink("file", target, sizeof target), EINVAL);
  CHECK(lstat("chain", &a) == 0 && S_ISLNK(a.st_mode) && a.st_size == 9);
  CHECK(stat("chain", &b) == 0 && S_ISREG(b.st_mode));
  FAILS(open("dangling", O_RDONLY), ENOENT);
  FAILS(open("file/", O_RDONLY), ENOTDIR);
  FAILS(open("chain", O_RDONLY | O_NOFOLLOW), ELOOP);
  put("dangling", "made");
  expect("missing", "made");
  CHECK(unlink("dangling") == 0 && access("missing", F_OK) == 0);

  CHECK(symlink("loop2", "loop1") == 0 && symlink("loop1", "loop2") == 0);
  FAILS(open("loop1", O_RDONLY), ELOOP);
  FAILS(stat("loop1/x", &a), ELOOP);

  CHECK(symlink("../../../../../../etc", "escape") == 0);
  CHECK(open("escape/passwd", O_RDONLY) == -1 && errno != ENOENT);
  CHECK(symlink("/etc/passwd", "absolute") == -1);
  CHECK(open("dir/../../etc/passwd", O_RDONLY) == -1 && errno != ENOENT);

  CHECK(rename("chain", "dir/chain") == 0);
  FAILS(open("dir/chain", O_RDONLY), ENOENT);
  CHECK(unlink("to-dir") == 0 && access("dir/inner", F_OK) == 0);
  puts("links ok");
}
