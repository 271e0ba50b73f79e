// SPDX-License-Identifier: MIT
#include "kit/child.h"
#include "base/clock.h"
#include "kit/lent.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STATUS_TOLD = 77,
    MS = 1000000,
    SIGNAL_STACK = 64 * 1024,
    CALL_MAX = 64,
    OPEN_DIRECTORIES = 8
};

static struct {
    int pipe;
    char *call; // shared with the parent
    char stack[SIGNAL_STACK];
} child = {.pipe = -1};

// -- in the child --

#ifdef COVERAGE
void __gcov_dump(void); // counted lines are written at exit, which these processes do not come to
#else
static void __gcov_dump(void)
{
}
#endif

static _Noreturn void leave(int status)
{
    __gcov_dump();
    _exit(status);
}

static _Noreturn void tell(struct kit_result *result)
{
    ssize_t n;
    do {
        n = write(child.pipe, result, sizeof *result); // at most PIPE_BUF: whole or not at all
    } while (n < 0 && errno == EINTR);
    leave(STATUS_TOLD);
}

_Static_assert(sizeof(struct kit_result) <= PIPE_BUF, "a result is written at once");

void child_ok(void)
{
    struct kit_result result = {.status = KIT_OK};
    tell(&result);
}

void child_note(uint32_t note)
{
    struct kit_result result = {.status = KIT_OK, .note = note};
    tell(&result);
}

static void __attribute__((format(printf, 3, 0)))
fill(struct kit_result *result, enum kit_status status, const char *fmt, va_list args)
{
    *result = (struct kit_result){.status = (int32_t)status};
    (void)vsnprintf(result->found, sizeof result->found, fmt, args);
}

void child_partly(const char *fmt, ...)
{
    struct kit_result result;
    va_list args;
    va_start(args, fmt);
    fill(&result, KIT_OK, fmt, args);
    va_end(args);
    tell(&result);
}

void child_skip(const char *fmt, ...)
{
    struct kit_result result;
    va_list args;
    va_start(args, fmt);
    fill(&result, KIT_SKIP, fmt, args);
    va_end(args);
    tell(&result);
}

void child_wrong(const char *fmt, ...)
{
    struct kit_result result;
    va_list args;
    va_start(args, fmt);
    fill(&result, KIT_WRONG, fmt, args);
    va_end(args);
    tell(&result);
}

void child_fail(const char *rule, const char *wanted, const char *fmt, ...)
{
    struct kit_result result;
    va_list args;
    va_start(args, fmt);
    fill(&result, KIT_FAIL, fmt, args);
    va_end(args);
    (void)snprintf(result.wanted, sizeof result.wanted, "%s", wanted);
    (void)snprintf(result.rule, sizeof result.rule, "%s", rule);
    tell(&result);
}

void child_calls(const char *call)
{
    (void)snprintf(child.call, CALL_MAX, "%s", call);
}

const char *child_call(void)
{
    return child.call;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    char what[160];
    int memory = number == SIGSEGV || number == SIGBUS;
    if (memory && lent_explain(info->si_addr, what, sizeof what))
        child_fail("plugin.h: what you are given is borrowed until the call returns",
                   "memory that is lent is read within its length, until the call returns", "%s %s",
                   child.call, what);
    child_fail("plugin.h: a plugin is part of the process", "no crash", "%s crashed: %s",
               child.call, strsignal(number));
}

static void catch_faults(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    stack_t stack = {.ss_sp = child.stack, .ss_size = sizeof child.stack};
    sigaltstack(&stack, NULL);
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigaction(faults[i], &action, NULL);
}

// Standard output is a file of the directory, so that a sink's is seen and does not mix with ours.
static void redirect(void)
{
    int in = open("/dev/null", O_RDONLY), out = open("stdout", O_WRONLY | O_CREAT, 0600);
    if (in < 0 || out < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
        child_wrong("standard output: %s", strerror(errno));
    close(in);
    close(out);
}

static _Noreturn void run_child(const char *dir, int fd, void (*body)(const void *),
                                const void *arg)
{
    child.pipe = fd;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (chdir(dir))
        child_wrong("%s: %s", dir, strerror(errno));
    redirect();
    catch_faults();
    child_calls("loading it");
    body(arg);
    child_ok();
}

static size_t read_all(int fd, char *out, size_t cap)
{
    size_t len = 0;
    for (ssize_t n = 1; n > 0 && len < cap;) {
        n = read(fd, out + len, cap - len);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            len += (size_t)n;
    }
    return len;
}

size_t child_crash(size_t (*body)(void *arg, void *out, size_t cap), void *arg, void *out,
                   size_t cap)
{
    int fds[2], status;
    if (pipe2(fds, O_CLOEXEC))
        child_wrong("pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid < 0)
        child_wrong("fork: %s", strerror(errno));
    if (pid == 0) {
        size_t len = body(arg, out, cap);
        int failed = write(fds[1], out, len) != (ssize_t)len; // small: the pipe holds it
        leave(failed ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    close(fds[1]);
    size_t len = read_all(fds[0], out, cap);
    close(fds[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_TOLD)
        leave(STATUS_TOLD); // it has told the result
    if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
        child_fail("plugin.h: a plugin is part of the process", "no exit, no crash",
                   "%s ended the process", child.call);
    return len;
}

// -- in the parent --

static int make_dir(char dir[PATH_MAX], struct error *err)
{
    const char *base = getenv("TMPDIR");
    int len = snprintf(dir, PATH_MAX, "%s/tidemill-kit-XXXXXX", base && *base ? base : "/tmp");
    if (len < 0 || len >= PATH_MAX || !mkdtemp(dir))
        return error_errno(err, ERR_IO, errno, "%s", dir);
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    (void)remove(path); // what cannot go stays behind
    return 0;
}

// Waits for the result; 1: it is there, 0: the pipe ended without one, -1: the time is over.
static int await(int fd, uint32_t timeout_ms, struct kit_result *out)
{
    int64_t end = clock_mono_ns(clock_system()) + (int64_t)timeout_ms * MS;
    for (;;) {
        int64_t left = end - clock_mono_ns(clock_system());
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int n = left > 0 ? poll(&ready, 1, (int)(left / MS) + 1) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        return read(fd, out, sizeof *out) == (ssize_t)sizeof *out;
    }
}

static void explain_end(int status, const char *call, struct kit_result *out)
{
    out->status = KIT_FAIL;
    (void)snprintf(out->rule, sizeof out->rule, "plugin.h: a plugin is part of the process");
    (void)snprintf(out->wanted, sizeof out->wanted, "no exit, no crash");
    if (WIFEXITED(status))
        (void)snprintf(out->found, sizeof out->found, "%s ended the process with exit status %d",
                       call, WEXITSTATUS(status));
    else
        (void)snprintf(out->found, sizeof out->found, "%s ended the process: %s", call,
                       strsignal(WTERMSIG(status)));
}

static void explain_hang(uint32_t timeout_ms, const char *call, struct kit_result *out)
{
    out->status = KIT_FAIL;
    (void)snprintf(out->rule, sizeof out->rule, "source.h, sink.h: calls do not wait");
    (void)snprintf(out->wanted, sizeof out->wanted,
                   "an answer: TIDE_AGAIN when it is not yet done");
    (void)snprintf(out->found, sizeof out->found, "%s did not return within %u ms", call,
                   timeout_ms);
}

static void watch(pid_t pid, int fd, uint32_t timeout_ms, struct kit_result *out)
{
    int status = 0, told = await(fd, timeout_ms, out);
    if (told < 0)
        explain_hang(timeout_ms, child.call, out);
    if (told != 0)
        kill(-pid, SIGKILL); // with all that the plugin may have started
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (told == 0)
        explain_end(status, child.call, out);
    kill(-pid, SIGKILL);
}

int child_run(const char *name, uint32_t timeout_ms, void (*body)(const void *arg), const void *arg,
              struct kit_result *out, struct error *err)
{
    char dir[PATH_MAX];
    int fds[2];
    *out = (struct kit_result){.status = KIT_OK};
    int code = make_dir(dir, err);
    if (code)
        return code;
    child.call = mmap(NULL, CALL_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (child.call == MAP_FAILED || pipe2(fds, O_CLOEXEC))
        return error_errno(err, ERR_IO, errno, "%s", name);
    (void)fflush(NULL); // or the child's exit would write it again
    pid_t pid = fork();
    if (pid == 0)
        run_child(dir, fds[1], body, arg);
    close(fds[1]);
    if (pid < 0)
        code = error_errno(err, ERR_IO, errno, "fork");
    else
        watch(pid, fds[0], timeout_ms, out);
    close(fds[0]);
    (void)snprintf(out->name, sizeof out->name, "%s", name);
    munmap(child.call, CALL_MAX);
    nftw(dir, remove_entry, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS);
    return code;
}
