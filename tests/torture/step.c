// SPDX-License-Identifier: BSD-2-Clause
/* step.c: see step.h. */
#include "step.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

extern char __executable_start, etext;

/* They are not inlined, and not the same. */
__attribute__((noinline)) void step_begin(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(1);
	__asm__ volatile("int3" ::: "memory");
}

__attribute__((noinline)) void step_end(void)
{
	__asm__ volatile("nop" ::: "memory");
}

#define REGISTER(name) offsetof(struct user_regs_struct, name)

static unsigned long get(pid_t pid, size_t which)
{
	return (unsigned long)ptrace(PTRACE_PEEKUSER, pid, which, NULL);
}

static void wait_for_trap(pid_t pid, int signal)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) || WSTOPSIG(status) != signal)
		abort();
}

void step_wait_begin(pid_t pid)
{
	wait_for_trap(pid, SIGTRAP);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
}

static bool is_ours(unsigned long at)
{
	return at >= (unsigned long)&__executable_start && at < (unsigned long)&etext;
}

/* Put a breakpoint at @at; returns what was there. */
static long break_at(pid_t pid, unsigned long at)
{
	long code = ptrace(PTRACE_PEEKTEXT, pid, at, NULL);

	ptrace(PTRACE_POKETEXT, pid, at, (code & ~0xffL) | 0xcc);
	return code;
}

/* Run on to a breakpoint, the address of which is returned. */
static unsigned long run(pid_t pid)
{
	unsigned long at;

	ptrace(PTRACE_CONT, pid, NULL, NULL);
	wait_for_trap(pid, SIGTRAP);
	at = get(pid, REGISTER(rip)) - 1;
	ptrace(PTRACE_POKEUSER, pid, REGISTER(rip), at);
	return at;
}

/* It is at another library's first instruction, or has made no stack there: the top of
 * the stack says where it returns to. */
static void run_to_return(pid_t pid)
{
	unsigned long back =
		(unsigned long)ptrace(PTRACE_PEEKDATA, pid, get(pid, REGISTER(rsp)), NULL);
	long code;

	if (!is_ours(back))
		abort();
	code = break_at(pid, back);
	run(pid);
	ptrace(PTRACE_POKETEXT, pid, back, code);
}

bool step(pid_t pid)
{
	unsigned long at;

	ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
	wait_for_trap(pid, SIGTRAP);
	at = get(pid, REGISTER(rip));
	if (!is_ours(at))
		run_to_return(pid);
	return at != (unsigned long)step_end;
}

bool step_until_proc(pid_t pid)
{
	int status;

	for (;;) {
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
		if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			return false;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) &&
		    get(pid, REGISTER(orig_rax)) == SYS_readlink)
			break;
	}
	run_to_return(pid);
	return true;
}

bool step_to(pid_t pid, size_t where, __u32 visit)
{
	unsigned long at = (unsigned long)&__executable_start + where;
	unsigned long end = (unsigned long)step_end;
	long code, end_code = at == end ? 0 : break_at(pid, end);

	if (get(pid, REGISTER(rip)) == at && --visit == 0)
		return true;
	for (;;) {
		if (get(pid, REGISTER(rip)) == at) {
			ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
			wait_for_trap(pid, SIGTRAP);
		}
		code = break_at(pid, at);
		/* It may go on where it is right now. */
		if (run(pid) != at)
			return false;
		ptrace(PTRACE_POKETEXT, pid, at, code);
		if (--visit == 0)
			break;
	}
	if (at != end)
		ptrace(PTRACE_POKETEXT, pid, end, end_code);
	return true;
}

size_t step_at(pid_t pid)
{
	return get(pid, REGISTER(rip)) - (unsigned long)&__executable_start;
}

size_t step_at_max(void)
{
	return (size_t)(&etext - &__executable_start);
}

/* A tracer may be refused by a seccomp filter or by /proc/sys/kernel/yama. */
bool step_works(void)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return false;
	if (!pid) {
		step_begin();
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return false;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return true;
}

#else

bool step_works(void)
{
	return false;
}

void step_begin(void)
{
}

void step_end(void)
{
}

void step_wait_begin(pid_t pid)
{
	(void)pid;
}

bool step_until_proc(pid_t pid)
{
	(void)pid;
	return false;
}

bool step(pid_t pid)
{
	(void)pid;
	return false;
}

bool step_to(pid_t pid, size_t where, __u32 visit)
{
	(void)pid;
	(void)where;
	(void)visit;
	return false;
}

size_t step_at(pid_t pid)
{
	(void)pid;
	return 0;
}

size_t step_at_max(void)
{
	return 1;
}

#endif
