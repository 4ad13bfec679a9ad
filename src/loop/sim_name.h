/* Names of simulated sockets: addresses of the internet, those of version 4 mapped into version 6,
 * and of Unix sockets; compared, and to and from a struct sockaddr. */
#ifndef AI_LOOP_SIM_NAME_H
#define AI_LOOP_SIM_NAME_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ai_sim_name {
    uint8_t family; /* AF_UNSPEC: no name; AF_INET6, of either version; AF_UNIX */
    uint8_t size;   /* of the path, 0: unnamed */
    uint16_t port;
    uint32_t scope;
    union {
        struct in6_addr ip;
        char path[108];
    };
};

/* Takes a name from what a program passes for a socket of this family: 0, -EINVAL, -EFAULT or
 * -EAFNOSUPPORT. */
int ai_sim_name_take(struct ai_sim_name *name, int family, const void *address, size_t size);

/* Gives it to a program, cut to the size there is, as a socket of this family has it. */
void ai_sim_name_give(const struct ai_sim_name *name, int family, void *address, socklen_t *size);

/* A numerical address: false if it is none. */
bool ai_sim_name_read(struct ai_sim_name *name, const char *text);

/* The wildcard address, of this family. */
struct ai_sim_name ai_sim_name_any(int family);
bool ai_sim_name_is_any(const struct ai_sim_name *name);

bool ai_sim_name_same(const struct ai_sim_name *a, const struct ai_sim_name *b);
bool ai_sim_name_same_host(const struct ai_sim_name *a, const struct ai_sim_name *b);

/* What goes to b reaches one that is bound to a. */
bool ai_sim_name_covers(const struct ai_sim_name *a, bool only_version_6,
                        const struct ai_sim_name *b);

/* Equal for any two of which one covers the other. */
unsigned ai_sim_name_hash(const struct ai_sim_name *name);

#endif
