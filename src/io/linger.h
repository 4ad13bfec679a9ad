/* The end of a connection with a filter: what was written is sent, and with it that nothing more
 * comes; then the peer is waited for to say the same, for a time. So a peer that is still sending
 * gets to read what was sent before its connection is reset; what it sends is dropped. It is not
 * waited for if it goes on and on. */
#ifndef AI_IO_LINGER_H
#define AI_IO_LINGER_H

#include "io/connection.h"

/* From when it is closing on. Without memory it does not wait. */
void ai_linger_begin(struct ai_connection *c);

/* Nothing more has to be waited for. */
void ai_linger_end(struct ai_connection *c);

/* Receives, beside what is still to be sent, since the peer may not read before it has written.
 * Whether it waits for more. */
bool ai_linger_waits(struct ai_connection *c);

/* What was received meanwhile; <= 0: the end, an error. */
void ai_linger_received(struct ai_connection *c, int64_t result);

#endif
