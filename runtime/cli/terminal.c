// SPDX-License-Identifier: MIT
#include "cli/terminal.h"

#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const styles[STYLE_COUNT] = {
    [STYLE_OFF] = "\033[0m",   [STYLE_BOLD] = "\033[1m",  [STYLE_DIM] = "\033[2m",
    [STYLE_GOOD] = "\033[32m", [STYLE_WARN] = "\033[33m", [STYLE_BAD] = "\033[31m",
};

// The line that stands at the bottom; log lines come from any thread.
static struct {
    pthread_mutex_t lock;
    char line[512];
    bool shown;
} status = {.lock = PTHREAD_MUTEX_INITIALIZER};

bool terminal_is(FILE *file)
{
    const char *term = getenv("TERM");
    return isatty(fileno(file)) && term && strcmp(term, "dumb") != 0;
}

bool terminal_colours(FILE *file)
{
    const char *no = getenv("NO_COLOR");
    return terminal_is(file) && !(no && *no);
}

const char *terminal_style(FILE *file, enum style style)
{
    return terminal_colours(file) ? styles[style] : "";
}

int terminal_width(FILE *file)
{
    struct winsize size;
    if (ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

// With the lock held.
static void draw(void)
{
    if (status.line[0])
        fprintf(stderr, "\r\033[K%s", status.line);
    status.shown = status.line[0] != 0;
    fflush(stderr);
}

static void log_above(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    pthread_mutex_lock(&status.lock);
    fprintf(stderr, "%s%s\n", status.shown ? "\r\033[K" : "", line);
    draw();
    pthread_mutex_unlock(&status.lock);
}

void terminal_status(const char *line)
{
    if (!terminal_is(stderr) || log_is_json())
        return;
    pthread_mutex_lock(&status.lock);
    snprintf(status.line, sizeof status.line, "%.*s", terminal_width(stderr) - 1, line);
    draw();
    pthread_mutex_unlock(&status.lock);
    log_set_sink(log_above, NULL);
}

void terminal_status_end(void)
{
    pthread_mutex_lock(&status.lock);
    if (status.shown)
        fputs("\r\033[K", stderr);
    status.shown = false;
    status.line[0] = 0;
    fflush(stderr);
    pthread_mutex_unlock(&status.lock);
    log_set_sink(NULL, NULL);
}
