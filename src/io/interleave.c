/* The order in which addresses are tried (RFC 8305, section 4). */
#include "io/race.h"

enum { MOST = 8 }; /* families; there are two */

static bool is_among(const int *families, size_t n, int family)
{
    for (size_t i = 0; i < n; i++) {
        if (families[i] == family)
            return true;
    }
    return false;
}

/* The families in the order of their first addresses; how many. */
static size_t list_families(const struct ai_attempt *at, size_t n, int *families)
{
    size_t count = 0;

    for (size_t i = 0; i < n && count < MOST; i++) {
        if (!is_among(families, count, at[i].to->ai_family))
            families[count++] = at[i].to->ai_family;
    }
    return count;
}

/* Moves the first of this family to the front; false where there is none. */
static bool bring_forward(struct ai_attempt *at, size_t n, int family)
{
    size_t i = 0;

    while (i < n && at[i].to->ai_family != family)
        i++;
    if (i == n)
        return false;
    const struct addrinfo *found = at[i].to;
    for (; i > 0; i--)
        at[i].to = at[i - 1].to;
    at[0].to = found;
    return true;
}

void ai_interleave(struct ai_attempt *at, size_t n, int first_count)
{
    int families[MOST];
    size_t count = list_families(at, n, families), turn = 0, i = 0;

    while (i + 1 < (size_t)first_count && i < n && bring_forward(at + i, n - i, families[0]))
        i++;
    for (size_t vain = 0; i < n && vain < count; turn++) {
        bool found = bring_forward(at + i, n - i, families[turn % count]);
        vain = found ? 0 : vain + 1;
        i += found;
    }
}
