/* What AddressSanitizer, ThreadSanitizer and valgrind have to know about stacks. */
#ifndef AI_CTX_SANITIZE_H
#define AI_CTX_SANITIZE_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define AI_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AI_ASAN 1
#endif
#endif

#if defined(__SANITIZE_THREAD__)
#define AI_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define AI_TSAN 1
#endif
#endif

#if defined(AI_ASAN) || defined(AI_TSAN)
#define AI_SANITIZED 1
#endif

#ifdef AI_ASAN
#include <sanitizer/asan_interface.h>
#define AI_ASAN_USABLE(low, high) __asan_unpoison_memory_region(low, (size_t)((high) - (low)))
#else
#define AI_ASAN_USABLE(low, high) ((void)0)
#endif

/* What one thread gave back to the kernel before another was given it: liburing maps memory behind
 * the checker's back. */
#ifdef AI_TSAN
#include <sanitizer/tsan_interface.h>
#define AI_TSAN_GIVEN_BACK(place) __tsan_release(place)
#define AI_TSAN_GIVEN(place) __tsan_acquire(place)
#else
#define AI_TSAN_GIVEN_BACK(place) ((void)(place))
#define AI_TSAN_GIVEN(place) ((void)(place))
#endif

struct ai_sanitizer_fiber {
#ifdef AI_SANITIZED
    void (*entry)(void *);
    void *arg;
    const void *bottom; /* of its stack; unknown for a thread's own until it is first left */
    size_t size;
    void *fake; /* AddressSanitizer's fake stack while it is suspended */
    void *tsan; /* ThreadSanitizer's fiber */
#else
    __extension__ char none[0];
#endif
};

#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define AI_VALGRIND_STACK(low, high) (unsigned)VALGRIND_STACK_REGISTER(low, (high)-1)
#define AI_VALGRIND_NO_STACK(id) VALGRIND_STACK_DEREGISTER(id)
#define AI_VALGRIND_USABLE(low, high) (void)VALGRIND_MAKE_MEM_UNDEFINED(low, (high) - (low))
#define AI_ON_VALGRIND (RUNNING_ON_VALGRIND != 0)
#endif
#endif
#ifndef AI_VALGRIND_STACK
#define AI_VALGRIND_STACK(low, high) 0U
#define AI_VALGRIND_NO_STACK(id) ((void)(id))
#define AI_VALGRIND_USABLE(low, high) ((void)0)
#define AI_ON_VALGRIND 0
#endif

#endif
