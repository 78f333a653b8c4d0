/* Ends the program with a line about why. */
#ifndef FAIL_H
#define FAIL_H

void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
