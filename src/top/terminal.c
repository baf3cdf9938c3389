/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>
#undef columns /* a macro of term.h */

#include "base/interrupt.h"
#include "base/mem.h"
#include "top/ui.h"

#define ESCAPE_DELAY_MS 25
#define RESTORE_MAX 128

struct terminal {
    SCREEN *curses;
    attr_t looks[SCREEN_STYLE_COUNT];
    short pairs[SCREEN_STYLE_COUNT];
    bool unicode;
};

/* What a signal handler needs to give the terminal back. */
static struct {
    volatile sig_atomic_t is_open;
    struct termios modes;
    char text[RESTORE_MAX];
    size_t length;
} restore;

static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
static struct sigaction before_faults[COUNT_OF(faults)], before_ends[COUNT_OF(ends)];

static void give_back(void)
{
    if (!restore.is_open)
        return;
    restore.is_open = 0;
    ssize_t ignored = write(STDOUT_FILENO, restore.text, restore.length);
    (void)ignored;
    tcsetattr(STDIN_FILENO, TCSANOW, &restore.modes);
}

/* The default action follows when the handler returns: it was reset, and the fault comes again. */
static void on_fault(int number)
{
    give_back();
    raise(number);
}

/* The second one ends the process at once. */
static void on_end(int number)
{
    if (interrupt_requested())
        give_back();
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        if (ends[i] == number && before_ends[i].sa_handler != SIG_DFL &&
            before_ends[i].sa_handler != SIG_IGN)
            before_ends[i].sa_handler(number);
}

static void add_restore(const char *capability)
{
    const char *text = tigetstr((char *)capability);
    if (!text || text == (const char *)-1) // NOLINT: what tigetstr() documents
        return;
    size_t length = strlen(text);
    if (restore.length + length >= sizeof(restore.text))
        return;
    memcpy(restore.text + restore.length, text, length);
    restore.length += length;
}

static void catch_signals(void)
{
    struct sigaction fault = {.sa_handler = on_fault, .sa_flags = (int)SA_RESETHAND};
    struct sigaction end = {.sa_handler = on_end};
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        sigaction(faults[i], &fault, &before_faults[i]);
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        sigaction(ends[i], &end, &before_ends[i]);
}

static void release_signals(void)
{
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        sigaction(faults[i], &before_faults[i], NULL);
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        sigaction(ends[i], &before_ends[i], NULL);
}

bool terminal_is_usable(void)
{
    int rc;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
        setupterm(NULL, STDOUT_FILENO, &rc) != OK)
        return false;
    const char *move = tigetstr("cup");
    bool usable = move && move != (const char *)-1; // NOLINT: what tigetstr() documents
    del_curterm(cur_term);
    return usable;
}

/* The terminal's own colours stay: it may be dark or light. */
static void choose_looks(struct terminal *terminal)
{
    attr_t *looks = terminal->looks;
    const char *no_color = getenv("NO_COLOR");
    looks[SCREEN_TITLE] = A_BOLD;
    looks[SCREEN_HEADING] = A_REVERSE;
    looks[SCREEN_SELECTED] = A_REVERSE | A_BOLD;
    looks[SCREEN_BAD] = A_BOLD;
    if ((no_color && *no_color) || !has_colors() || start_color() != OK ||
        use_default_colors() != OK)
        return;
    init_pair(1, COLOR_RED, -1);
    terminal->pairs[SCREEN_BAD] = 1;
    looks[SCREEN_DIM] = A_DIM;
}

int terminal_open(struct terminal **out_terminal, struct error *err)
{
    if (tcgetattr(STDIN_FILENO, &restore.modes) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "read the modes of the terminal");
    SCREEN *curses = newterm(NULL, stdout, stdin);
    if (!curses)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP,
                         "open the terminal: its type is not known here; see TERM, or use --batch");
    struct terminal *terminal = mem_zalloc(sizeof(*terminal));
    terminal->curses = curses;
    terminal->unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    restore.length = 0;
    add_restore("sgr0");
    add_restore("cnorm");
    add_restore("rmkx");
    add_restore("rmcup");
    restore.is_open = 1;
    catch_signals();
    cbreak();
    noecho();
    nonl();
    set_escdelay(ESCAPE_DELAY_MS);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    choose_looks(terminal);
    *out_terminal = terminal;
    return 0;
}

void terminal_make_screen(const struct terminal *terminal, struct screen *out_screen)
{
    screen_init(out_screen, LINES, COLS, terminal->unicode);
}

void terminal_show(struct terminal *terminal, const struct screen *screen)
{
    erase();
    for (int row = 0; row < screen->rows; row++)
        for (int column = 0; column < screen->columns; column++) {
            const struct screen_cell *from =
                &screen->cells[(size_t)row * (size_t)screen->columns + (size_t)column];
            wchar_t text[2] = {(wchar_t)from->character, L'\0'};
            cchar_t cell;
            if (from->character && setcchar(&cell, text, terminal->looks[from->style],
                                            terminal->pairs[from->style], NULL) == OK)
                mvadd_wch(row, column, &cell);
        }
    refresh();
}

static uint32_t key_of_code(wint_t code)
{
    switch (code) {
    case KEY_UP:
        return UI_KEY_UP;
    case KEY_DOWN:
        return UI_KEY_DOWN;
    case KEY_LEFT:
        return UI_KEY_LEFT;
    case KEY_RIGHT:
        return UI_KEY_RIGHT;
    case KEY_PPAGE:
        return UI_KEY_PAGE_UP;
    case KEY_NPAGE:
        return UI_KEY_PAGE_DOWN;
    case KEY_HOME:
        return UI_KEY_HOME;
    case KEY_END:
        return UI_KEY_END;
    case KEY_BACKSPACE:
        return UI_KEY_BACKSPACE;
    case KEY_ENTER:
        return '\n';
    default:
        return 0;
    }
}

uint32_t terminal_read_key(struct terminal *terminal, bool *out_resized)
{
    (void)terminal;
    for (wint_t code;;) {
        int kind = get_wch(&code);
        if (kind == OK)
            return code;
        if (kind != KEY_CODE_YES)
            return 0;
        if (code == KEY_RESIZE)
            *out_resized = true;
        else if (key_of_code(code))
            return key_of_code(code);
    }
}

struct terminal *terminal_close(struct terminal *terminal)
{
    if (!terminal)
        return NULL;
    endwin();
    restore.is_open = 0;
    release_signals();
    delscreen(terminal->curses);
    free(terminal);
    return NULL;
}
