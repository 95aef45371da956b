/* A wall clock that is as far off as a file says: eight bytes, seconds. Only the one process that
   this is loaded into sees it; the machine's clock stays as it is. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int (*real)(clockid_t, struct timespec *);
static volatile int64_t *off;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("EARMARK_SOAK_CLOCK");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
  if (file >= 0) {
    void *page = mmap(NULL, sizeof *off, PROT_READ, MAP_SHARED, file, 0);
    off = page == MAP_FAILED ? NULL : page;
    close(file);
  }
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  if (!real)
    *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
  int failed = real(clock, time);
  if (!failed && clock == CLOCK_REALTIME && off)
    time->tv_sec += *off;
  return failed;
}
