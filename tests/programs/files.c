/* Files that stay open, half read and half written, for the whole run: a buffered log, a binary file
   that is read and written at random offsets, a directory stream, a rename. */
#include "program.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD 64

static char path_space[4][512];

static const char *path(int slot, const char *directory, const char *name) {
  snprintf(path_space[slot], sizeof path_space[slot], "%s/%s", directory, name);
  return path_space[slot];
}

static void must(int good, const char *what) {
  if (good) return;
  perror(what);
  exit(1);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: files DIRECTORY [ROUNDS]\n");
    return 2;
  }
  int rounds = number_argument(argc, argv, 2, 120);
  const char *log_path = path(0, argv[1], "log.txt"), *data_path = path(1, argv[1], "data.bin");
  const char *old_path = path(2, argv[1], "old.txt"), *new_path = path(3, argv[1], "new.txt");

  FILE *log = fopen(log_path, "w");
  must(log != NULL, log_path);
  int data = open(data_path, O_RDWR | O_CREAT | O_TRUNC, 0644);
  must(data >= 0, data_path);
  FILE *reader = NULL;
  uint32_t state = 99;
  unsigned char record[RECORD];

  for (int round = 1; round <= rounds; round++) {
    /* Grow the binary file, then read and rewrite records that are already there. */
    for (int i = 0; i < 16; i++) {
      for (int j = 0; j < RECORD; j++) record[j] = (unsigned char)next_random(&state);
      must(lseek(data, 0, SEEK_END) >= 0, "seek to the end");
      must(write(data, record, RECORD) == RECORD, "write");
      off_t at = (off_t)(next_random(&state) % (uint32_t)(round * 16 - 15 + i)) * RECORD;
      must(lseek(data, at, SEEK_SET) == at, "seek");
      must(read(data, record, RECORD) == RECORD, "read");
      for (int j = 0; j < RECORD; j++) fold(record[j]), record[j] ^= (unsigned char)j;
      must(lseek(data, -RECORD, SEEK_CUR) == at, "seek back");
      must(write(data, record, RECORD) == RECORD, "write again");
    }
    /* The log is buffered in the guest; the reader follows it, one line a round behind. */
    fprintf(log, "round %d checksum %08x\n", round, (unsigned)checksum);
    if (round % 4 == 0) fflush(log);
    if (round == 4) must((reader = fopen(log_path, "r")) != NULL, "open the log again");
    if (reader != NULL) {
      char line[80];
      if (fgets(line, sizeof line, reader) != NULL)
        for (char *c = line; *c != 0; c++) fold((uint32_t)*c);
      else clearerr(reader);
    }
    /* Directory entries come in any order, so their hash is a sum. */
    DIR *directory = opendir(argv[1]);
    must(directory != NULL, argv[1]);
    uint32_t names = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
      uint32_t hash = 5381;
      for (const char *c = entry->d_name; *c != 0; c++) hash = hash * 33 + (unsigned char)*c;
      if (strstr("log.txt data.bin old.txt new.txt", entry->d_name) != NULL && strlen(entry->d_name) > 4) names += hash;
    }
    closedir(directory);
    fold(names);

    FILE *moved = fopen(old_path, "w");
    must(moved != NULL, old_path);
    must(fprintf(moved, "%d\n", round) > 0 && fclose(moved) == 0, "write the small file");
    must(rename(old_path, new_path) == 0, "rename");
    struct stat about;
    must(stat(new_path, &about) == 0, "stat");
    fold((uint32_t)about.st_size);
    must(fstat(data, &about) == 0, "fstat");
    fold((uint32_t)about.st_size);
    /* Some work between the files, so that a stop also falls outside of calls. */
    for (int i = 0; i < 400000; i++) fold(next_random(&state));
    say("round", round);
  }
  must(unlink(new_path) == 0, "unlink");
  must(close(data) == 0 && fclose(log) == 0, "close");
  if (reader != NULL) fclose(reader);

  FILE *again = fopen(data_path, "r");
  must(again != NULL, data_path);
  for (int c; (c = fgetc(again)) != EOF;) fold((uint32_t)c);
  fclose(again);
  return done();
}
