/* Perfetto's trace format, as far as the trace writes it: protocol buffers.
 *
 * A file is a series of packets, each a field of its own with its length in front, so any number of
 * whole packets is a whole trace. The names of the constants are those of the public definitions:
 * TracePacket, TrackEvent, TrackDescriptor, InternedData and what they consist of.
 * The messages of events are all shorter than 128 bytes, so a length is one byte; others have
 * theirs in two. */
#ifndef AI_TASK_TRACE_FORMAT_H
#define AI_TASK_TRACE_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    /* Trace */
    TRACE_PACKET = 1,
    /* TracePacket */
    PACKET_TIMESTAMP = 8,
    PACKET_SEQUENCE = 10,
    PACKET_TRACK_EVENT = 11,
    PACKET_INTERNED_DATA = 12,
    PACKET_SEQUENCE_FLAGS = 13,
    PACKET_NOTHING = 55, /* reserved for ever: here what fills up a window */
    PACKET_TRACK_DESCRIPTOR = 60,
    STATE_CLEARED = 1, /* of the sequence flags */
    NEEDS_STATE = 2,
    /* TrackDescriptor, ProcessDescriptor, ThreadDescriptor */
    TRACK_UUID = 1,
    TRACK_NAME = 2,
    TRACK_PROCESS = 3,
    TRACK_THREAD = 4,
    TRACK_PARENT = 5,
    TRACK_CHILD_ORDERING = 11,
    TRACK_RANK = 12,
    ORDERING_EXPLICIT = 3,
    PROCESS_PID = 1,
    PROCESS_NAME = 6,
    THREAD_PID = 1,
    THREAD_TID = 2,
    THREAD_NAME = 5,
    /* TrackEvent */
    EVENT_CATEGORY = 3,
    EVENT_ANNOTATION = 4,
    EVENT_TYPE = 9,
    EVENT_NAME = 10,
    EVENT_TRACK = 11,
    EVENT_LOCATION = 34,
    EVENT_FLOW = 47,
    EVENT_FLOW_END = 48,
    SLICE_BEGIN = 1,
    SLICE_END = 2,
    INSTANT = 3,
    /* DebugAnnotation */
    ANNOTATION_NAME = 1,
    ANNOTATION_STRING = 6,
    /* InternedData; EventCategory, EventName, DebugAnnotationName, SourceLocation */
    INTERNED_CATEGORY = 1,
    INTERNED_EVENT_NAME = 2,
    INTERNED_ANNOTATION_NAME = 3,
    INTERNED_LOCATION = 4,
    INTERNED_ID = 1,
    INTERNED_NAME = 2,
    LOCATION_FILE = 2,
    LOCATION_FUNCTION = 3,
    LOCATION_LINE = 4,
};

/* The key of a field, of a number below 2,048. */
static inline unsigned char *ai_put_key(unsigned char *p, unsigned field, unsigned wire_type)
{
    unsigned key = field << 3 | wire_type;

    if (key < 0x80) {
        *p = (unsigned char)key;
        return p + 1;
    }
    p[0] = (unsigned char)(key | 0x80);
    p[1] = (unsigned char)(key >> 7);
    return p + 2;
}

static inline unsigned char *ai_put_varint(unsigned char *p, uint64_t v)
{
    while (__builtin_expect(v >= 0x80, 0)) {
        *p++ = (unsigned char)(v | 0x80);
        v >>= 7;
    }
    *p++ = (unsigned char)v;
    return p;
}

static inline unsigned char *ai_put_uint(unsigned char *p, unsigned field, uint64_t v)
{
    return ai_put_varint(ai_put_key(p, field, 0), v);
}

static inline unsigned char *ai_put_fixed64(unsigned char *p, unsigned field, uint64_t v)
{
    p = ai_put_key(p, field, 1);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

/* A message or string of less than 128 bytes: what follows belongs to it until it is closed. */
static inline unsigned char *ai_put_open(unsigned char *p, unsigned field)
{
    return ai_put_key(p, field, 2) + 1;
}

static inline void ai_put_close(unsigned char *opened, unsigned char *p)
{
    opened[-1] = (unsigned char)(p - opened);
}

/* The same, of less than 16,384. */
static inline unsigned char *ai_put_open_long(unsigned char *p, unsigned field)
{
    return ai_put_key(p, field, 2) + 2;
}

static inline void ai_put_close_long(unsigned char *opened, unsigned char *p)
{
    size_t size = (size_t)(p - opened);

    opened[-2] = (unsigned char)(size | 0x80);
    opened[-1] = (unsigned char)(size >> 7);
}

/* At most `most` bytes of it. */
static inline unsigned char *ai_put_string(unsigned char *p, unsigned field, const char *s,
                                           size_t most)
{
    size_t size = strnlen(s, most);

    p = ai_put_varint(ai_put_key(p, field, 2), size);
    memcpy(p, s, size);
    return p + size;
}

enum { AI_FILLING = 10 }; /* bytes that filling takes at least */

/* A length below 2,097,152 in three bytes, whatever it is; a fourth is written and does not count.
 */
static inline unsigned char *ai_put_wide(unsigned char *p, size_t size)
{
    uint32_t v = (uint32_t)size;
    uint32_t wide = (v & 0x7f) | (v & 0x3f80) << 1 | (v & 0x1fc000) << 2 | 0x8080;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    wide = __builtin_bswap32(wide);
#endif
    memcpy(p, &wide, sizeof wide);
    return p + 3;
}

/* A packet of nothing that takes all of [p, end), of which only the head is written. */
static inline void ai_put_filling(unsigned char *p, const unsigned char *end)
{
    p = ai_put_key(p, TRACE_PACKET, 2);
    p = ai_put_wide(p, (size_t)(end - p) - 3);
    p = ai_put_key(p, PACKET_NOTHING, 2);
    ai_put_wide(p, (size_t)(end - p) - 3);
}

#endif
