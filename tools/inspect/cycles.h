#ifndef INSPECT_CYCLES_H
#define INSPECT_CYCLES_H

#include "snapshot.h"

/* Numbers the rings of tasks that wait for each other, from 1 on; how many there are. */
size_t cycles_find(struct snapshot *s);

#endif
