/* Sleeps and reads clocks: prints how often the monotonic clock went back (never, also across a stop) and
   whether each sleep lasted as long as it was asked to. Arguments: ticks, milliseconds for each. */
#include "program.h"
#include <time.h>

static int64_t milliseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv) {
  int ticks = number_argument(argc, argv, 1, 10), pause = number_argument(argc, argv, 2, 25);
  int back = 0, early = 0;
  int64_t last = milliseconds(CLOCK_MONOTONIC);
  for (int tick = 1; tick <= ticks; tick++) {
    struct timespec length = {.tv_sec = pause / 1000, .tv_nsec = (long)(pause % 1000) * 1000000};
    nanosleep(&length, NULL);
    int64_t now = milliseconds(CLOCK_MONOTONIC);
    if (now < last) back++;
    else if (now - last < pause - 1) early++;
    last = now;
    fold((uint32_t)tick);
    say("tick", tick);
  }
  printf("back %d early %d year %s\n", back, early, milliseconds(CLOCK_REALTIME) > 1600000000000 ? "good" : "wrong");
  return done();
}
