/* The library's calls, broken on purpose: one that is cancelled says so though it succeeded, and
 * what it read or sent is lost. */
#include "task/step.h"

#define ai_step_put_off(object) return -ECANCELED
#include "io/call.c"
