/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts_fetch.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "policy/mtasts_transfer.h"

struct mtasts_fetch {
	TAILQ_ENTRY(mtasts_fetch) link; /* of the list that is_running and is_urgent name */
	struct mtasts_fetcher *fetcher;
	bool is_running;
	bool is_urgent;
	bool is_in_multi;
	uint64_t client; /* mtasts_fetcher_ask_for */
	mtasts_fetch_fn fn;
	void *owner;
	struct mtasts_transfer transfer;
};

TAILQ_HEAD(fetch_list, mtasts_fetch);

struct mtasts_fetcher {
	struct event_base *base;
	CURLM *multi;
	struct event *timer; /* when libcurl wants to be called */
	struct event *begin; /* something may begin */
	struct mtasts_fetch_options options;
	struct fetch_list running, urgent, patient;
	size_t running_count, waiting_count;
	uint64_t client; /* who asks just now */
};

static struct fetch_list *list_of(struct mtasts_fetch *fetch)
{
	struct mtasts_fetcher *fetcher = fetch->fetcher;

	if (fetch->is_running)
		return &fetcher->running;
	return fetch->is_urgent ? &fetcher->urgent : &fetcher->patient;
}

static size_t *count_of(const struct mtasts_fetch *fetch)
{
	return fetch->is_running ? &fetch->fetcher->running_count : &fetch->fetcher->waiting_count;
}

static void leave_list(struct mtasts_fetch *fetch)
{
	TAILQ_REMOVE(list_of(fetch), fetch, link);
	--*count_of(fetch);
}

static void join_list(struct mtasts_fetch *fetch, bool is_running)
{
	fetch->is_running = is_running;
	TAILQ_INSERT_TAIL(list_of(fetch), fetch, link);
	++*count_of(fetch);
}

/* Out of its list and of libcurl's hands; it keeps what came. */
static void take_fetch(struct mtasts_fetch *fetch)
{
	leave_list(fetch);
	if (fetch->is_in_multi)
		curl_multi_remove_handle(fetch->fetcher->multi, fetch->transfer.easy);
	fetch->is_in_multi = false;
}

static void free_fetch(struct mtasts_fetch *fetch)
{
	mtasts_transfer_close(&fetch->transfer);
	free(fetch);
}

static void wake(struct mtasts_fetcher *fetcher)
{
	event_active(fetcher->begin, EV_TIMEOUT, 0);
}

/* One that was taken. */
static void tell(struct mtasts_fetch *fetch, const struct mtasts_fetched *fetched)
{
	wake(fetch->fetcher);
	fetch->fn(fetch->owner, fetched);
	free_fetch(fetch);
}

static size_t running_at(const struct mtasts_fetcher *fetcher, const struct address *address)
{
	const struct mtasts_fetch *fetch;
	size_t count = 0;
	size_t i;

	for (fetch = TAILQ_FIRST(&fetcher->running); fetch; fetch = TAILQ_NEXT(fetch, link)) {
		for (i = 0; i < fetch->transfer.address_count; i++)
			count += address_equal(&fetch->transfer.addresses[i], address);
	}
	return count;
}

static size_t count_of_client(const struct fetch_list *list, uint64_t client)
{
	const struct mtasts_fetch *fetch;
	size_t count = 0;

	TAILQ_FOREACH(fetch, list, link)
	count += fetch->client == client;
	return count;
}

static bool has_share(size_t count, size_t places)
{
	return count < places - places / FETCHES_OTHERS_PART;
}

static bool may_begin(const struct mtasts_fetch *fetch)
{
	size_t i;

	if (!has_share(count_of_client(&fetch->fetcher->running, fetch->client), FETCHES_MAX))
		return false;
	for (i = 0; i < fetch->transfer.address_count; i++) {
		if (running_at(fetch->fetcher, &fetch->transfer.addresses[i]) >=
		    FETCHES_PER_ADDRESS_MAX)
			return false;
	}
	return true;
}

static struct mtasts_fetch *next_to_begin(struct fetch_list *list)
{
	struct mtasts_fetch *fetch;

	for (fetch = TAILQ_FIRST(list); fetch; fetch = TAILQ_NEXT(fetch, link)) {
		if (may_begin(fetch))
			return fetch;
	}
	return NULL;
}

/* False: it could not be begun, which was told. */
static bool begin_fetch(struct mtasts_fetch *fetch)
{
	struct mtasts_fetcher *fetcher = fetch->fetcher;
	struct mtasts_fetched fetched = { .why = "the fetch could not be set up: out of memory" };

	leave_list(fetch);
	join_list(fetch, true);
	if (mtasts_transfer_open(&fetch->transfer, &fetcher->options) == 0 &&
	    curl_easy_setopt(fetch->transfer.easy, CURLOPT_PRIVATE, fetch) == CURLE_OK &&
	    curl_multi_add_handle(fetcher->multi, fetch->transfer.easy) == CURLM_OK) {
		fetch->is_in_multi = true;
		return true;
	}
	take_fetch(fetch);
	tell(fetch, &fetched);
	return false;
}

static void on_begin(evutil_socket_t unused, short events, void *data)
{
	struct mtasts_fetcher *fetcher = data;
	struct mtasts_fetch *fetch;

	(void)unused;
	(void)events;
	while (fetcher->running_count < FETCHES_MAX) {
		fetch = next_to_begin(&fetcher->urgent);
		if (!fetch)
			fetch = next_to_begin(&fetcher->patient);
		/* Who was told may have changed the lists: on with the next round. */
		if (!fetch || !begin_fetch(fetch))
			break;
	}
}

static void take_finished(struct mtasts_fetcher *fetcher)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(fetcher->multi, &left)) != NULL) {
		struct mtasts_fetched fetched;
		struct mtasts_fetch *fetch = NULL;
		CURLcode result = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
		mtasts_transfer_read(&fetched, &fetch->transfer, result);
		take_fetch(fetch);
		tell(fetch, &fetched);
	}
}

static void act(struct mtasts_fetcher *fetcher, curl_socket_t socket, int action)
{
	int running;

	curl_multi_socket_action(fetcher->multi, socket, action, &running);
	take_finished(fetcher);
}

static void on_socket(evutil_socket_t socket, short events, void *data)
{
	act(data, socket,
	    (events & EV_READ ? CURL_CSELECT_IN : 0) | (events & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(evutil_socket_t unused, short events, void *data)
{
	(void)unused;
	(void)events;
	act(data, CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl: this socket is to be watched for that, or no more. */
static int watch_socket(CURL *easy, curl_socket_t socket, int what, void *owner, void *watched)
{
	struct mtasts_fetcher *fetcher = owner;
	struct event *event = watched;
	short events = EV_PERSIST;

	(void)easy;
	if (event)
		event_free(event);
	event = NULL;
	if (what & CURL_POLL_IN)
		events |= EV_READ;
	if (what & CURL_POLL_OUT)
		events |= EV_WRITE;
	if (what != CURL_POLL_REMOVE) {
		event = event_new(fetcher->base, socket, events, on_socket, fetcher);
		if (!event || event_add(event, NULL) < 0) {
			if (event)
				event_free(event);
			curl_multi_assign(fetcher->multi, socket, NULL);
			return -1;
		}
	}
	curl_multi_assign(fetcher->multi, socket, event);
	return 0;
}

static int set_timer(CURLM *multi, long after_ms, void *owner)
{
	struct mtasts_fetcher *fetcher = owner;
	const struct timeval after = { .tv_sec = after_ms / 1000,
		                       .tv_usec = after_ms % 1000 * 1000 };

	(void)multi;
	if (after_ms < 0)
		return event_del(fetcher->timer);
	return event_add(fetcher->timer, &after);
}

/* The others do not tell the alternative names of a certificate. */
static bool is_openssl(void)
{
	const char *library = curl_version_info(CURLVERSION_NOW)->ssl_version;

	return library && (strstr(library, "OpenSSL/") || strstr(library, "LibreSSL/"));
}

static int open_multi(struct mtasts_fetcher *fetcher)
{
	if (!is_openssl())
		return -ENOTSUP;
	fetcher->multi = curl_multi_init();
	if (!fetcher->multi)
		return -ENOMEM;
	if (curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETFUNCTION, watch_socket) == CURLM_OK &&
	    curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETDATA, fetcher) == CURLM_OK &&
	    curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERFUNCTION, set_timer) == CURLM_OK &&
	    curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERDATA, fetcher) == CURLM_OK)
		return 0;
	return -ENOTSUP;
}

int mtasts_fetcher_new(struct mtasts_fetcher **made, struct event_base *base,
                       const struct mtasts_fetch_options *options)
{
	struct mtasts_fetcher *fetcher = calloc(1, sizeof(*fetcher));
	int err = -ENOMEM;

	if (!fetcher)
		return -ENOMEM;
	TAILQ_INIT(&fetcher->running);
	TAILQ_INIT(&fetcher->urgent);
	TAILQ_INIT(&fetcher->patient);
	fetcher->base = base;
	fetcher->options = *options;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		goto free_fetcher;
	fetcher->timer = event_new(base, -1, 0, on_timer, fetcher);
	fetcher->begin = event_new(base, -1, 0, on_begin, fetcher);
	if (!fetcher->timer || !fetcher->begin)
		goto free_events;
	err = open_multi(fetcher);
	if (err)
		goto free_multi;
	*made = fetcher;
	return 0;

free_multi:
	if (fetcher->multi)
		curl_multi_cleanup(fetcher->multi);
free_events:
	if (fetcher->begin)
		event_free(fetcher->begin);
	if (fetcher->timer)
		event_free(fetcher->timer);
	curl_global_cleanup();
free_fetcher:
	free(fetcher);
	return err;
}

static void free_all(struct fetch_list *list)
{
	struct mtasts_fetch *fetch;

	while ((fetch = TAILQ_FIRST(list)) != NULL) {
		take_fetch(fetch);
		assert(TAILQ_FIRST(list) != fetch);
		free_fetch(fetch);
	}
}

void mtasts_fetcher_free(struct mtasts_fetcher *fetcher)
{
	if (!fetcher)
		return;
	free_all(&fetcher->running);
	free_all(&fetcher->urgent);
	free_all(&fetcher->patient);
	curl_multi_cleanup(fetcher->multi);
	event_free(fetcher->begin);
	event_free(fetcher->timer);
	curl_global_cleanup();
	free(fetcher);
}

void mtasts_fetcher_configure(struct mtasts_fetcher *fetcher,
                              const struct mtasts_fetch_options *options)
{
	fetcher->options = *options;
}

void mtasts_fetcher_ask_for(struct mtasts_fetcher *fetcher, uint64_t client)
{
	fetcher->client = client;
}

struct mtasts_fetch *mtasts_fetch_start(struct mtasts_fetcher *fetcher, const char *domain,
                                        const struct address *addresses, size_t count,
                                        bool is_urgent, mtasts_fetch_fn fn, void *owner)
{
	struct mtasts_fetch *fetch;

	if (fetcher->waiting_count >= FETCHES_WAITING_MAX ||
	    !has_share(count_of_client(&fetcher->urgent, fetcher->client) +
	                       count_of_client(&fetcher->patient, fetcher->client),
	               FETCHES_WAITING_MAX))
		return NULL;
	fetch = calloc(1, sizeof(*fetch));
	if (!fetch)
		return NULL;
	fetch->fetcher = fetcher;
	fetch->client = fetcher->client;
	fetch->is_urgent = is_urgent;
	fetch->fn = fn;
	fetch->owner = owner;
	if (count > FETCH_ADDRESSES_MAX)
		count = FETCH_ADDRESSES_MAX;
	memcpy(fetch->transfer.addresses, addresses, count * sizeof(*addresses));
	fetch->transfer.address_count = count;
	snprintf(fetch->transfer.domain, sizeof(fetch->transfer.domain), "%s", domain);
	join_list(fetch, false);
	wake(fetcher);
	return fetch;
}

void mtasts_fetch_cancel(struct mtasts_fetch *fetch)
{
	take_fetch(fetch);
	wake(fetch->fetcher);
	free_fetch(fetch);
}

size_t mtasts_fetcher_running(const struct mtasts_fetcher *fetcher)
{
	return fetcher->running_count;
}

size_t mtasts_fetcher_waiting(const struct mtasts_fetcher *fetcher)
{
	return fetcher->waiting_count;
}
