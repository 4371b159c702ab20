/* Clocks and sleeping: time goes on, and a sleep takes as long as it should. */
#include "check.h"
#include <poll.h>
#include <time.h>
#include <unistd.h>

static long long now(clockid_t clock) {
  struct timespec time;
  CHECK(clock_gettime(clock, &time) == 0);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(void) {
  struct timespec resolution;
  CHECK(clock_getres(CLOCK_MONOTONIC, &resolution) == 0 && resolution.tv_nsec > 0);
  CHECK(now(CLOCK_REALTIME) > 1600000000LL * 1000000000);
  long long last = now(CLOCK_MONOTONIC);
  for (int i = 0; i < 1000; i++) {
    long long next = now(CLOCK_MONOTONIC);
    CHECK(next >= last);
    last = next;
  }
  struct timespec twenty = {0, 20000000};
  CHECK(nanosleep(&twenty, NULL) == 0);
  CHECK(now(CLOCK_MONOTONIC) - last >= 20000000);
  last = now(CLOCK_MONOTONIC);
  struct timespec until = {last / 1000000000, last % 1000000000 + 10000000};
  if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
  CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == 0);
  CHECK(now(CLOCK_MONOTONIC) - last >= 10000000);

  struct pollfd out = {.fd = 1, .events = POLLOUT};
  CHECK(poll(&out, 1, 10000) == 1 && (out.revents & POLLOUT) != 0);
  CHECK(now(CLOCK_MONOTONIC) - last < 5000000000LL);
  last = now(CLOCK_MONOTONIC);
  CHECK(poll(NULL, 0, 10) == 0 && now(CLOCK_MONOTONIC) - last >= 10000000);

  unsigned char bytes[64] = {0};
  CHECK(getentropy(bytes, sizeof bytes) == 0);
  int different = 0;
  for (size_t i = 1; i < sizeof bytes; i++) different += bytes[i] != bytes[0];
  CHECK(different > 0);
  puts("clocks ok");
}
