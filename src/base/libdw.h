/* elfutils, which reads debug information. It is loaded when the first message needs it, so that no
 * program depends on it. Only where the library is built with its headers. */
#ifndef AI_BASE_LIBDW_H
#define AI_BASE_LIBDW_H

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdbool.h>

#define AI_LIBDW_FUNCTIONS(f)                                                                      \
    f(dwfl_begin);                                                                                 \
    f(dwfl_end);                                                                                   \
    f(dwfl_linux_proc_report);                                                                     \
    f(dwfl_report_end);                                                                            \
    f(dwfl_linux_proc_find_elf);                                                                   \
    f(dwfl_standard_find_debuginfo);                                                               \
    f(dwfl_addrmodule);                                                                            \
    f(dwfl_module_info);                                                                           \
    f(dwfl_module_addrname);                                                                       \
    f(dwfl_module_addrdie);                                                                        \
    f(dwfl_module_nextcu);                                                                         \
    f(dwarf_haspc);                                                                                \
    f(dwarf_getsrc_die);                                                                           \
    f(dwarf_linesrc);                                                                              \
    f(dwarf_lineno);                                                                               \
    f(dwfl_attach_state);                                                                          \
    f(dwfl_getthread_frames);                                                                      \
    f(dwfl_thread_state_registers);                                                                \
    f(dwfl_thread_state_register_pc);                                                              \
    f(dwfl_frame_pc);                                                                              \
    f(dwarf_getscopes);                                                                            \
    f(dwarf_getscopes_die);                                                                        \
    f(dwarf_tag);                                                                                  \
    f(dwarf_diename);                                                                              \
    f(dwarf_attr);                                                                                 \
    f(dwarf_formudata);                                                                            \
    f(dwarf_getsrcfiles);                                                                          \
    f(dwarf_filesrc)

struct ai_libdw {
#define AI_LIBDW_FIELD(name) __typeof__(name) *name
    AI_LIBDW_FUNCTIONS(AI_LIBDW_FIELD);
#undef AI_LIBDW_FIELD
};

/* Calls use(dw, session, arg), with a session that knows what is mapped in this process, on a
 * thread of its own (elfutils puts whole line tables on the stack, more than a task has), and waits
 * for it. Returns what that does; false where elfutils cannot be had. */
bool ai_libdw_run(bool (*use)(const struct ai_libdw *dw, Dwfl *session, void *arg), void *arg);

/* The unit that was compiled to what is at this place, whose addresses differ by *bias, or NULL. */
Dwarf_Die *ai_libdw_unit(const struct ai_libdw *dw, Dwfl_Module *module, Dwarf_Addr pc,
                         Dwarf_Addr *bias);

/* The source file and line of it, or NULL. */
const char *ai_libdw_source(const struct ai_libdw *dw, Dwfl_Module *module, Dwarf_Addr pc,
                            int *line);

#endif
