/* SPDX-License-Identifier: MIT */
/* Lines below a table: broken between words where they would be wider than the screen. */
#ifndef CLI_FOOTER_H
#define CLI_FOOTER_H

#include <poolscope/poolscope.h>
#include <stdio.h>

/* 0: as long as they are. */
void footer_start(unsigned columns);
/* As fprintf(); a piece may end within a word. What is held back is written with the next blank or end of line. */
void footer_printf(FILE *f, const char *fmt, ...) PSC_PRINTF(2, 3);

#endif
