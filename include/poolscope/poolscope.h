/* SPDX-License-Identifier: MIT */
/** @file
 * poolscope: who holds the Windows kernel pool, from a crash dump alone. Umbrella header.
 */
#ifndef POOLSCOPE_POOLSCOPE_H
#define POOLSCOPE_POOLSCOPE_H

#include <poolscope/blocks.h>
#include <poolscope/callers.h>
#include <poolscope/diff.h>
#include <poolscope/dump.h>
#include <poolscope/error.h>
#include <poolscope/owner.h>
#include <poolscope/sites.h>
#include <poolscope/stacks.h>
#include <poolscope/symbols.h>
#include <poolscope/tags.h>
#include <poolscope/validate.h>

#endif
