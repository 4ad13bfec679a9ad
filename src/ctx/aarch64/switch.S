/* The switch for aarch64 (AAPCS64): x19 to x30 and d8 to d15 are stored, the stack pointer exchanged,
 * and loaded. It ends in a return, which is predicted well because tasks park in one place.
 * struct ai_context begins with the stack pointer. */

        .text

#define FRAME 160

/* Stores what a call preserves. */
        .macro save
        sub     sp, sp, #FRAME
        .cfi_def_cfa_offset FRAME
        stp     x19, x20, [sp, #0]
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        .cfi_offset x19, -FRAME
        .cfi_offset x20, -FRAME + 8
        .cfi_offset x21, -FRAME + 16
        .cfi_offset x22, -FRAME + 24
        .cfi_offset x23, -FRAME + 32
        .cfi_offset x24, -FRAME + 40
        .cfi_offset x25, -FRAME + 48
        .cfi_offset x26, -FRAME + 56
        .cfi_offset x27, -FRAME + 64
        .cfi_offset x28, -FRAME + 72
        .cfi_offset x29, -FRAME + 80
        .cfi_offset x30, -FRAME + 88
        .cfi_offset d8, -FRAME + 96
        .cfi_offset d9, -FRAME + 104
        .cfi_offset d10, -FRAME + 112
        .cfi_offset d11, -FRAME + 120
        .cfi_offset d12, -FRAME + 128
        .cfi_offset d13, -FRAME + 136
        .cfi_offset d14, -FRAME + 144
        .cfi_offset d15, -FRAME + 152
        .endm

/* void ai_machine_switch(struct ai_context *from, struct ai_context *to) */
        .globl  ai_machine_switch
        .hidden ai_machine_switch
        .type   ai_machine_switch, %function
        .p2align 4
ai_machine_switch:
        .cfi_startproc
        save
        mov     x9, sp
        str     x9, [x0]
        ldr     x9, [x1]
        mov     sp, x9
.Lload:
        ldp     x19, x20, [sp, #0]
        ldp     x21, x22, [sp, #16]
        ldp     x23, x24, [sp, #32]
        ldp     x25, x26, [sp, #48]
        ldp     x27, x28, [sp, #64]
        ldp     x29, x30, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        add     sp, sp, #FRAME
        .cfi_def_cfa_offset 0
        ret
        .cfi_endproc
        .size   ai_machine_switch, . - ai_machine_switch

/* void ai_machine_leave(struct ai_context *to): the same without a way back. */
        .globl  ai_machine_leave
        .hidden ai_machine_leave
        .type   ai_machine_leave, %function
        .p2align 4
ai_machine_leave:
        .cfi_startproc
        .cfi_undefined x30
        ldr     x9, [x0]
        mov     sp, x9
        b       .Lload
        .cfi_endproc
        .size   ai_machine_leave, . - ai_machine_leave

/* void ai_machine_enter(struct ai_context *from, void *high, void (*entry)(void *), void *arg):
 * suspends `from` and calls entry(arg) on a fresh stack. Returns are predicted by the calls before:
 * one that begins has not called, so it is jumped to. */
        .globl  ai_machine_enter
        .hidden ai_machine_enter
        .type   ai_machine_enter, %function
        .p2align 4
ai_machine_enter:
        .cfi_startproc
        save
        mov     x9, sp
        str     x9, [x0]
        .cfi_endproc
        .size   ai_machine_enter, . - ai_machine_enter

/* void ai_machine_become(struct ai_context *unused, void *high, void (*entry)(void *), void *arg):
 * the same, leaving for good. The return address of entry is as for those below. */
        .globl  ai_machine_become
        .hidden ai_machine_become
        .type   ai_machine_become, %function
ai_machine_become:
        .cfi_startproc
        .cfi_undefined x30
        and     x1, x1, #-16
        mov     sp, x1
        mov     x29, xzr                /* no frame above */
        mov     x0, x3
        adr     x30, .Lbegun
        br      x2
        .cfi_endproc
        .size   ai_machine_become, . - ai_machine_become

/* Where a new computation begins: entry in x19, its argument in x20. Its return address is as if it
 * had been called from here, which is the end for unwinders. */
        .type   begin, %function
        .p2align 4
begin:
        .cfi_startproc
        .cfi_undefined x30
        mov     x0, x20
        adr     x30, .Lbegun
        br      x19
.Lbegun:
        brk     #0
        .cfi_endproc
        .size   begin, . - begin

/* void ai_machine_init(struct ai_context *c, void *low, void *high, void (*entry)(void *),
 *                      void *arg): lays out what the switch will load. */
        .globl  ai_machine_init
        .hidden ai_machine_init
        .type   ai_machine_init, %function
        .p2align 4
ai_machine_init:
        .cfi_startproc
        and     x2, x2, #-16
        sub     x2, x2, #FRAME
        str     x2, [x0]
        stp     x3, x4, [x2, #0]        /* x19, x20 */
        adr     x9, begin
        stp     xzr, x9, [x2, #80]      /* x29: no frame above; x30 */
        ret
        .cfi_endproc
        .size   ai_machine_init, . - ai_machine_init

        .section .note.GNU-stack, "", %progbits
