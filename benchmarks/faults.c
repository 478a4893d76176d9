/* Preloaded into a run by faults.py: a system call on a file below FAULTS_BELOW fails, or the clock jumps.
 *
 * FAULTS_FAIL="rename 3 28": the third call of this name fails with this errno. FAULTS_CLOCK=1: each look at the
 * calendar clock finds it up to a year away from where it was. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int count; /* calls of that name so far, of all threads */

static int fails(const char *name, const char *path) {
    const char *below = getenv("FAULTS_BELOW"), *fail = getenv("FAULTS_FAIL");
    char wanted[20];
    int number, error;
    if (!below || !fail || !path || !strstr(path, below)) return 0;
    if (sscanf(fail, "%19s %d %d", wanted, &number, &error) != 3 || strcmp(wanted, name)) return 0;
    if (__sync_add_and_fetch(&count, 1) != number) return 0;
    errno = error;
    return 1;
}

static int fails_at(const char *name, int file) {
    char link[40], path[4096];
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    errno = saved;
    if (size < 0) return 0;
    path[size] = 0;
    return fails(name, path);
}

#define NEXT(result, name, ...) ((result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))
#define OF_PATH(name, shown, parameters, path, arguments, ...) \
    int name parameters { return fails(shown, path) ? -1 : NEXT(int, name, __VA_ARGS__) arguments; }
#define OF_FILE(result, name, shown, parameters, arguments, ...) \
    result name parameters { return fails_at(shown, file) ? -1 : NEXT(result, name, __VA_ARGS__) arguments; }
#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = va_arg(list, mode_t); \
        va_end(list); \
        if ((flags & (O_WRONLY | O_RDWR)) && fails("open", path)) return -1; \
        return NEXT(int, name, const char *, int, ...)(path, flags, mode); \
    }
#define FOPEN(name) \
    FILE *name(const char *path, const char *mode) { \
        if (strcmp(mode, "r") && strcmp(mode, "rb") && fails("open", path)) return NULL; \
        return NEXT(FILE *, name, const char *, const char *)(path, mode); \
    }

OPEN(open)
OPEN(open64)
FOPEN(fopen)
FOPEN(fopen64)
OF_PATH(rename, "rename", (const char *a, const char *b), b, (a, b), const char *, const char *)
OF_PATH(mkdir, "mkdir", (const char *a, mode_t mode), a, (a, mode), const char *, mode_t)
OF_PATH(unlink, "unlink", (const char *a), a, (a), const char *)
OF_PATH(rmdir, "rmdir", (const char *a), a, (a), const char *)
OF_FILE(ssize_t, write, "write", (int file, const void *bytes, size_t size), (file, bytes, size), int, const void *, size_t)
OF_FILE(int, fsync, "fsync", (int file), (file), int)
OF_FILE(int, flock, "flock", (int file, int operation), (file, operation), int, int)

size_t fwrite(const void *bytes, size_t size, size_t number, FILE *file) { /* by which TensorFlow writes */
    if (fails_at("fwrite", fileno(file))) return 0;
    return NEXT(size_t, fwrite, const void *, size_t, size_t, FILE *)(bytes, size, number, file);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int result = NEXT(int, clock_gettime, clockid_t, struct timespec *)(clock, at);
    if (clock == CLOCK_REALTIME && getenv("FAULTS_CLOCK")) at->tv_sec += random() % 63072000 - 31536000;
    return result;
}
