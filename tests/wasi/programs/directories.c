/* Directories: making, listing, seeking in the listing, removing, and trees of them. */
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 300 };

static void make(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT, 0644);
  CHECK(fd >= 0 && close(fd) == 0);
}

static void list_many(void) {
  CHECK(mkdir("many", 0755) == 0);
  char name[64];
  for (int i = 0; i < FILES; i++) {
    snprintf(name, sizeof name, "many/a file with a longish name %03d", i);
    make(name);
  }
  DIR *dir = opendir("many");
  CHECK(dir != NULL);
  int seen[FILES] = {0}, dots = 0, total = 0;
  long middle = 0;
  char after[64] = "";
  for (struct dirent *entry; (entry = readdir(dir)) != NULL; total++) {
    if (total == 151) snprintf(after, sizeof after, "%s", entry->d_name);
    if (total == 150) middle = telldir(dir);
    int number;
    if (entry->d_name[0] == '.') {
      dots++;
      CHECK(entry->d_type == DT_DIR);
    } else {
      CHECK(sscanf(entry->d_name, "a file with a longish name %d", &number) == 1);
      CHECK(seen[number]++ == 0 && entry->d_type == DT_REG && entry->d_ino != 0);
    }
  }
  CHECK(dots == 2 && total == FILES + 2);
  seekdir(dir, middle);
  CHECK(strcmp(readdir(dir)->d_name, after) == 0);
  rewinddir(dir);
  int again = 0;
  while (readdir(dir) != NULL) again++;
  CHECK(again == total && closedir(dir) == 0);
  FAILS(rmdir("many"), ENOTEMPTY);
  for (int i = 0; i < FILES; i++) {
    snprintf(name, sizeof name, "many/a file with a longish name %03d", i);
    CHECK(unlink(name) == 0);
  }
  CHECK(rmdir("many") == 0);
}

static void trees(void) {
  CHECK(mkdir("a", 0755) == 0 && mkdir("a/b/", 0755) == 0 && mkdir("a/b/c", 0755) == 0);
  make("a/b/c/leaf");
  FAILS(mkdir("a", 0755), EEXIST);
  FAILS(mkdir("x/y", 0755), ENOENT);
  FAILS(rmdir("a/b/c/leaf"), ENOTDIR);
  FAILS(unlink("a/b"), EISDIR);
  FAILS(rmdir("missing"), ENOENT);
  int dir = open("a/b", O_RDONLY | O_DIRECTORY);
  CHECK(dir >= 0);
  CHECK(rename("a/b", "moved") == 0);
  /* The descriptor goes with the directory. */
  struct stat there, here;
  CHECK(fstatat(dir, "c/leaf", &there, 0) == 0 && stat("moved/c/leaf", &here) == 0);
  CHECK(there.st_ino == here.st_ino && there.st_dev == here.st_dev);
  int fd = openat(dir, "made", O_WRONLY | O_CREAT, 0644);
  CHECK(fd >= 0 && close(fd) == 0 && access("moved/made", F_OK) == 0);
  CHECK(unlinkat(dir, "made", 0) == 0 && unlinkat(dir, "c/leaf", 0) == 0);
  CHECK(unlinkat(dir, "c", AT_REMOVEDIR) == 0 && close(dir) == 0);
  CHECK(rename("moved", "a/moved") == 0);
  FAILS(rename("a", "a/moved/a"), EINVAL);
  CHECK(rmdir("a/moved") == 0 && rmdir("a") == 0);
  FAILS(open("a/", O_RDONLY), ENOENT);
}

int main(void) {
  list_many();
  trees();
  puts("directories ok");
}
