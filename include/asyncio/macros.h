/* The preprocessor's part of <asyncio.h>: nothing here is for users to call.
 *
 * ASYNCIO__EACH(m, a, b, …) makes m(a), m(b), … separated by commas, up to eight; the other helpers
 * turn the parameter list of async() — (type, name) pairs — into prototypes, fields and arguments.
 */
#ifndef ASYNCIO_MACROS_H
#define ASYNCIO_MACROS_H

/* Every list below ends in a `~`, so that none is ever empty, which ISO C forbids. */

#define ASYNCIO__CAT(a, b) ASYNCIO__CAT_(a, b)
#define ASYNCIO__CAT_(a, b) a##b

/* How many parameters follow the name: 0 to 8. */
#define ASYNCIO__ARITY(...) ASYNCIO__ARITY_(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0)
#define ASYNCIO__ARITY_(name, a, b, c, d, e, f, g, h, n, ...) n

/* N where there is more than one argument, 1 where there is one. */
#define ASYNCIO__ONE_OR_N(...)                                                                     \
    ASYNCIO__ONE_OR_N_(__VA_ARGS__, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 0)
#define ASYNCIO__ONE_OR_N_(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, ...) q

#define ASYNCIO__PARAM(pair) ASYNCIO__PARAM_ pair
#define ASYNCIO__PARAM_(type, name) __typeof__(type) name
#define ASYNCIO__TYPE(pair) ASYNCIO__TYPE_ pair
#define ASYNCIO__TYPE_(type, name) __typeof__(type)
#define ASYNCIO__FIELD(pair) ASYNCIO__FIELD_ pair
#define ASYNCIO__FIELD_(type, name) __typeof__(type) name;
#define ASYNCIO__STORE(pair) ASYNCIO__STORE_ pair
#define ASYNCIO__STORE_(type, name) asyncio__frame->name = name;
#define ASYNCIO__LOAD(pair) ASYNCIO__LOAD_ pair
#define ASYNCIO__LOAD_(type, name) asyncio__frame->name

/* A comma-separated list in parentheses, (void) for none. */
#define ASYNCIO__LIST(m, n, ...) ASYNCIO__CAT(ASYNCIO__LIST_, n)(m, __VA_ARGS__)
#define ASYNCIO__LIST_0(m, ...) (void)
#define ASYNCIO__LIST_1(m, a, ...) (m(a))
#define ASYNCIO__LIST_2(m, a, b, ...) (m(a), m(b))
#define ASYNCIO__LIST_3(m, a, b, c, ...) (m(a), m(b), m(c))
#define ASYNCIO__LIST_4(m, a, b, c, d, ...) (m(a), m(b), m(c), m(d))
#define ASYNCIO__LIST_5(m, a, b, c, d, e, ...) (m(a), m(b), m(c), m(d), m(e))
#define ASYNCIO__LIST_6(m, a, b, c, d, e, f, ...) (m(a), m(b), m(c), m(d), m(e), m(f))
#define ASYNCIO__LIST_7(m, a, b, c, d, e, f, g, ...) (m(a), m(b), m(c), m(d), m(e), m(f), m(g))
#define ASYNCIO__LIST_8(m, a, b, c, d, e, f, g, h, ...)                                            \
    (m(a), m(b), m(c), m(d), m(e), m(f), m(g), m(h))

/* The same as the arguments of a call: () for none. */
#define ASYNCIO__ARGS(m, n, ...) ASYNCIO__CAT(ASYNCIO__ARGS_, n)(m, __VA_ARGS__)
#define ASYNCIO__ARGS_0(m, ...) ()
#define ASYNCIO__ARGS_1(m, ...) ASYNCIO__LIST_1(m, __VA_ARGS__)
#define ASYNCIO__ARGS_2(m, ...) ASYNCIO__LIST_2(m, __VA_ARGS__)
#define ASYNCIO__ARGS_3(m, ...) ASYNCIO__LIST_3(m, __VA_ARGS__)
#define ASYNCIO__ARGS_4(m, ...) ASYNCIO__LIST_4(m, __VA_ARGS__)
#define ASYNCIO__ARGS_5(m, ...) ASYNCIO__LIST_5(m, __VA_ARGS__)
#define ASYNCIO__ARGS_6(m, ...) ASYNCIO__LIST_6(m, __VA_ARGS__)
#define ASYNCIO__ARGS_7(m, ...) ASYNCIO__LIST_7(m, __VA_ARGS__)
#define ASYNCIO__ARGS_8(m, ...) ASYNCIO__LIST_8(m, __VA_ARGS__)

/* One after the other, nothing between. */
#define ASYNCIO__EACH(m, n, ...) ASYNCIO__CAT(ASYNCIO__EACH_, n)(m, __VA_ARGS__)
#define ASYNCIO__EACH_0(m, ...)
#define ASYNCIO__EACH_1(m, a, ...) m(a)
#define ASYNCIO__EACH_2(m, a, b, ...) m(a) m(b)
#define ASYNCIO__EACH_3(m, a, b, c, ...) m(a) m(b) m(c)
#define ASYNCIO__EACH_4(m, a, b, c, d, ...) m(a) m(b) m(c) m(d)
#define ASYNCIO__EACH_5(m, a, b, c, d, e, ...) m(a) m(b) m(c) m(d) m(e)
#define ASYNCIO__EACH_6(m, a, b, c, d, e, f, ...) m(a) m(b) m(c) m(d) m(e) m(f)
#define ASYNCIO__EACH_7(m, a, b, c, d, e, f, g, ...) m(a) m(b) m(c) m(d) m(e) m(f) m(g)
#define ASYNCIO__EACH_8(m, a, b, c, d, e, f, g, h, ...) m(a) m(b) m(c) m(d) m(e) m(f) m(g) m(h)

#endif
