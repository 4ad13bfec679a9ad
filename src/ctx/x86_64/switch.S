/* The switch for x86-64 (System V): what a call preserves is pushed, the stack pointer exchanged,
 * and popped. struct ai_context begins with the stack pointer.
 *
 * The processor predicts returns by the calls that came before. To a computation that parked, all of
 * them in one place, the way is a `ret`: predicted is where the one that leaves called from, which
 * is the same. One that begins has not called: it is jumped to, and the return it leaves unused is
 * for whoever ends, which is why leaving is a `ret` again. Each wrong prediction costs as much as
 * all the rest. */

        .text

/* Pushes what a call preserves. */
        .macro save
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        .endm

/* void ai_machine_switch(struct ai_context *from, struct ai_context *to) */
        .globl  ai_machine_switch
        .hidden ai_machine_switch
        .type   ai_machine_switch, @function
        .p2align 4
ai_machine_switch:
        .cfi_startproc
        save
        movq    %rsp, (%rdi)
        movq    (%rsi), %rsp
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        ret
        .cfi_endproc
        .size   ai_machine_switch, . - ai_machine_switch

/* void ai_machine_leave(struct ai_context *to): the same without a way back. It is jumped to. */
        .globl  ai_machine_leave
        .hidden ai_machine_leave
        .type   ai_machine_leave, @function
        .p2align 4
ai_machine_leave:
        .cfi_startproc
        .cfi_undefined %rip
        movq    (%rdi), %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret
        .cfi_endproc
        .size   ai_machine_leave, . - ai_machine_leave

/* void ai_machine_enter(struct ai_context *from, void *high, void (*entry)(void *), void *arg):
 * suspends `from` and calls entry(arg) on a fresh stack. */
        .globl  ai_machine_enter
        .hidden ai_machine_enter
        .type   ai_machine_enter, @function
        .p2align 4
ai_machine_enter:
        .cfi_startproc
        save
        movq    %rsp, (%rdi)
        .cfi_endproc
        .size   ai_machine_enter, . - ai_machine_enter

/* void ai_machine_become(struct ai_context *unused, void *high, void (*entry)(void *), void *arg):
 * the same, leaving for good. The return address of entry is as for those below. */
        .globl  ai_machine_become
        .hidden ai_machine_become
        .type   ai_machine_become, @function
ai_machine_become:
        .cfi_startproc
        .cfi_undefined %rip
        andq    $-16, %rsi
        movq    %rsi, %rsp
        leaq    .Lbegun(%rip), %rax
        pushq   %rax
        movq    %rcx, %rdi
        xorl    %ebp, %ebp              /* no frame above */
        jmp     *%rdx
        .cfi_endproc
        .size   ai_machine_become, . - ai_machine_become

/* Where a new computation begins: entry in %r12, its argument in %r13, on the stack a return address
 * as if it had been called from here, which is the end for unwinders: 0 ends a backtrace of gdb and
 * elfutils in an error. */
        .type   begin, @function
        .p2align 4
begin:
        .cfi_startproc
        .cfi_undefined %rip
        movq    %r13, %rdi
        jmp     *%r12
.Lbegun:
        ud2
        .cfi_endproc
        .size   begin, . - begin

/* void ai_machine_init(struct ai_context *c, void *low, void *high, void (*entry)(void *),
 *                      void *arg): lays out what the switch will pop. */
        .globl  ai_machine_init
        .hidden ai_machine_init
        .type   ai_machine_init, @function
        .p2align 4
ai_machine_init:
        .cfi_startproc
        andq    $-16, %rdx
        leaq    -64(%rdx), %rax
        movq    %rax, (%rdi)
        xorl    %esi, %esi
        movq    %rsi, (%rax)            /* %r15 */
        movq    %rsi, 8(%rax)           /* %r14 */
        movq    %r8, 16(%rax)           /* %r13 */
        movq    %rcx, 24(%rax)          /* %r12 */
        movq    %rsi, 32(%rax)          /* %rbx */
        movq    %rsi, 40(%rax)          /* %rbp: no frame above */
        leaq    begin(%rip), %rcx
        movq    %rcx, 48(%rax)
        leaq    .Lbegun(%rip), %rcx
        movq    %rcx, 56(%rax)          /* the return address of entry */
        ret
        .cfi_endproc
        .size   ai_machine_init, . - ai_machine_init

        .section .note.GNU-stack, "", @progbits
