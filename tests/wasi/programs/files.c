/* Files through stdio and through descriptors: writing, seeking, appending, truncating, moving. */
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static void with_stdio(void) {
  FILE *file = fopen("lines", "w+");
  CHECK(file != NULL);
  for (int i = 0; i < 2000; i++) CHECK(fprintf(file, "line %d\n", i) > 0);
  CHECK(fseek(file, 0, SEEK_SET) == 0);
  char line[64];
  int count = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    int number = -1;
    CHECK(sscanf(line, "line %d", &number) == 1 && number == count);
    count++;
  }
  CHECK(count == 2000 && feof(file));
  long end = ftell(file);
  CHECK(fseek(file, -10, SEEK_END) == 0 && ftell(file) == end - 10);
  CHECK(fgets(line, sizeof line, file) != NULL && strcmp(line, "line 1999\n") == 0);
  CHECK(fclose(file) == 0);
  file = fopen("lines", "a");
  CHECK(file != NULL && fputs("the end\n", file) >= 0 && fclose(file) == 0);
  struct stat stat;
  CHECK(lstat("lines", &stat) == 0 && stat.st_size == end + 8 && S_ISREG(stat.st_mode));
  CHECK(fopen("missing", "r") == NULL && errno == ENOENT);
  CHECK(fopen("missing/x", "w") == NULL && errno == ENOENT);
  CHECK(fopen("lines/x", "w") == NULL && errno == ENOTDIR);
}

static void with_descriptors(void) {
  int fd = open("data", O_RDWR | O_CREAT | O_EXCL, 0644);
  CHECK(fd >= 0);
  FAILS(open("data", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
  struct iovec parts[3] = {{"abc", 3}, {"", 0}, {"defg", 4}};
  CHECK(writev(fd, parts, 3) == 7);
  CHECK(pwrite(fd, "XY", 2, 1) == 2 && lseek(fd, 0, SEEK_CUR) == 7);
  char a[3], b[8];
  struct iovec into[2] = {{a, 3}, {b, 8}};
  CHECK(lseek(fd, 0, SEEK_SET) == 0 && readv(fd, into, 2) == 7);
  CHECK(memcmp(a, "aXY", 3) == 0 && memcmp(b, "defg", 4) == 0);
  CHECK(ftruncate(fd, 3) == 0 && read(fd, b, 8) == 0);
  CHECK(ftruncate(fd, 10) == 0 && pread(fd, b, 8, 2) == 8 && memcmp(b, "Y\0\0\0\0\0\0\0", 8) == 0);
  CHECK(lseek(fd, 100, SEEK_SET) == 100 && write(fd, "!", 1) == 1);
  struct stat stat;
  CHECK(fstat(fd, &stat) == 0 && stat.st_size == 101);
  FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
  CHECK(posix_fallocate(fd, 0, 200) == 0 && fstat(fd, &stat) == 0 && stat.st_size == 200);
  CHECK(fsync(fd) == 0 && fdatasync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL) == 0);

  CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0 && (fcntl(fd, F_GETFL) & O_APPEND) != 0);
  CHECK(lseek(fd, 0, SEEK_SET) == 0 && write(fd, "tail", 4) == 4 && lseek(fd, 0, SEEK_CUR) == 204);
  CHECK(fcntl(fd, F_SETFL, 0) == 0);
  CHECK(lseek(fd, 0, SEEK_SET) == 0 && write(fd, "head", 4) == 4);
  CHECK(fstat(fd, &stat) == 0 && stat.st_size == 204);

  CHECK(rename("data", "moved") == 0);
  FAILS(open("data", O_RDONLY), ENOENT);
  CHECK(unlink("moved") == 0);
  /* It has no name any more, and is still there. */
  CHECK(pread(fd, b, 4, 0) == 4 && memcmp(b, "head", 4) == 0);
  CHECK(pwrite(fd, "HE", 2, 0) == 2 && pread(fd, b, 4, 0) == 4 && memcmp(b, "HEad", 4) == 0);
  CHECK(fstat(fd, &stat) == 0 && stat.st_nlink == 0);
  CHECK(close(fd) == 0);
  FAILS(close(fd), EBADF);

  CHECK((fd = open("lines", O_RDONLY)) >= 0);
  CHECK(write(fd, "x", 1) == -1);
  CHECK(close(fd) == 0 && (fd = open("lines", O_WRONLY | O_TRUNC)) >= 0);
  CHECK(read(fd, b, 1) == -1 && fstat(fd, &stat) == 0 && stat.st_size == 0);
  CHECK(close(fd) == 0 && unlink("lines") == 0);
}

int main(void) {
  with_stdio();
  with_descriptors();
  puts("files ok");
}
