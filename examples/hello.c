// SPDX-License-Identifier: BSD-2-Clause
#include <chute/chute.h>
#include <err.h>

int main(void)
{
	struct chute *ring = chute_open_path("/sys/fs/bpf/hello/words", NULL);
	if (!ring || chute_send(ring, "hello", 5, CHUTE_FOREVER))
		err(1, "/sys/fs/bpf/hello/words");
	chute_close(ring);
}
