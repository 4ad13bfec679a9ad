#include "sync/transfer.h"

#include "base/panic.h"
#include "task/diagnose.h"

void ai_not_a_queue(const struct ai_object *o)
{
    ai_panic("TypeError: %s '%s' is not of the kind that is used here", ai_noun(o->type),
             o->type->name);
}
