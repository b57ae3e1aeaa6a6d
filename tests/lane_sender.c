// SPDX-License-Identifier: BSD-2-Clause
/* lane_sender.c: see lane_sender.h. */
#include "lane_sender.h"

#include "ring/bpf.h"
#include "producer/producer.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#define BATCH 7

static __u64 ring_id(int fd)
{
	struct bpf_map_info info;
	struct stat status;

	if (!chute_bpf_map_info(fd, &info))
		return info.id;
	return fstat(fd, &status) ? 0 : status.st_ino;
}

__u32 lane_of(const struct chute *c, const int *fds)
{
	__u64 id = ring_id(chute_producer_of(c)->ring.fd);
	__u32 lane;

	for (lane = 0; lane < LANES && (fds[lane] < 0 || ring_id(fds[lane]) != id);)
		lane++;
	return lane;
}

void say(struct chute *c, __u32 sender, __u32 lane, __u64 number)
{
	struct said said = { .sender = sender, .lane = lane, .number = number };

	assert_int_equal(chute_send(c, &said, sizeof(said), 0), 0);
}

/* A few messages of one kind; they must fit in a batch. Returns how many. */
static __u64 send_some(struct chute *c, const struct lane_sender *s, __u64 number)
{
	struct said said = { .sender = s->sender, .lane = s->lane, .number = number };
	__u64 kind = number / 100 % 3, left = s->count - number, i;
	struct said *place, *first;

	if (kind == 0)
		return chute_send(c, &said, sizeof(said), CHUTE_FOREVER) ? 0 : 1;
	if (kind == 1) {
		place = chute_pack_for(c, sizeof(said), CHUTE_FOREVER);
		if (place)
			*place = said;
		return place ? 1 : 0;
	}
	left = left < BATCH ? left : BATCH;
	place = first = chute_reserve_batch_for(c, (__u32)left, sizeof(said), CHUTE_FOREVER);
	if (!first)
		return 0;
	for (i = 0; i < left; i++) {
		*place = said;
		said.number++;
		place = chute_batch_next(place, sizeof(said));
	}
	chute_submit(c, first);
	return left;
}

/* What is packed last is published by the thread's end. */
static void *lane_sender(void *arg)
{
	struct lane_sender *s = arg;
	struct chute *c = chute_lane(s->lanes);
	__u64 number, some;

	s->err = c ? 0 : errno;
	s->lane = c ? lane_of(c, s->fds) : LANES;
	if (s->seated)
		pthread_barrier_wait(s->seated);
	for (number = 0; c && number < s->count; number += some) {
		some = send_some(c, s, number);
		if (!some || chute_lane(s->lanes) != c) {
			s->err = some ? EINVAL : errno;
			break;
		}
	}
	if (s->done)
		pthread_barrier_wait(s->done);
	return NULL;
}

void lane_sender_start(struct lane_sender *s)
{
	assert_int_equal(pthread_create(&s->thread, NULL, lane_sender, s), 0);
}

void lane_sender_end(struct lane_sender *s)
{
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	assert_int_equal(s->err, 0);
}

void lane_senders_start(struct lane_sender *s, unsigned int count, struct chute_lanes *lanes,
			const int *fds, __u64 each, pthread_barrier_t *seated,
			pthread_barrier_t *done)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		s[i] = (struct lane_sender){
			.lanes = lanes,
			.fds = fds,
			.sender = i,
			.count = each,
			.seated = seated,
			.done = done,
		};
		lane_sender_start(&s[i]);
	}
}

int lane_of_another_thread(struct chute_lanes *lanes, const int *fds)
{
	struct lane_sender s = { .lanes = lanes, .fds = fds };

	lane_sender_start(&s);
	pthread_join(s.thread, NULL);
	return s.err ? -s.err : (int)s.lane;
}

int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

void assert_heard(const struct heard *heard, const struct lane_sender *s, unsigned int count)
{
	__u64 of_lane[LANES] = { 0 };
	__u64 messages = 0;
	unsigned int i;

	for (i = 0; i < count; i++) {
		assert_in_range(s[i].lane, 0, LANES - 1);
		assert_int_equal(heard->next[s[i].sender], s[i].count);
		of_lane[s[i].lane] += s[i].count;
		messages += s[i].count;
	}
	for (i = 0; i < LANES; i++)
		assert_int_equal(heard->lane_count[i], of_lane[i]);
	assert_int_equal(heard->messages, messages);
	assert_int_equal(heard->wrong, 0);
}
