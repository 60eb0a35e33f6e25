/* How fast can one core send at all? The bench's trains, by sendmmsg(2) with UDP_SEGMENT or event by event, in C.
 *
 * ceiling FILE ADDRESS FIRST_PORT PORTS SECONDS BATCH gso|single copy|place
 *
 * FILE holds trains, each as u32 segment bytes, u32 size in bytes, and its events. They are sent over and over, BATCH
 * trains at once, one to each port in turn: from where they lie (place), or copied to a staging buffer first, as a sender
 * must do that writes stamps and tags (copy). It prints datagrams and seconds as JSON. Only what sendmmsg(2) took is
 * counted. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 32, SEGMENTS = 128, MESSAGES = BATCH * SEGMENTS, TRAIN_BYTES = 65536, VLEN = 1024, SEGMENT = 103 };

struct train {
    uint32_t segment, size;
    const char *bytes;
};
struct control {
    struct cmsghdr header;
    uint16_t segment;
} __attribute__((aligned(8)));

static struct mmsghdr messages[MESSAGES];
static struct iovec parts[MESSAGES];
static struct control controls[BATCH];
static struct sockaddr_in ports[65536];
static char staged[BATCH][TRAIN_BYTES];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

static struct train *read_trains(const char *path, size_t *count) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) fail(path);
    long size = ftell(file), at = 0;
    char *bytes = malloc(size);
    struct train *trains = malloc((size / 8 + 1) * sizeof *trains);
    rewind(file);
    if (!bytes || !trains || fread(bytes, 1, size, file) != (size_t)size) fail(path);
    for (*count = 0; at + 8 <= size; ++*count) {
        struct train *train = &trains[*count];
        memcpy(train, bytes + at, 8);
        train->bytes = bytes + at + 8;
        at += 8 + (long)train->size;
        if (!train->segment || train->size > TRAIN_BYTES || train->size > train->segment * SEGMENTS || at > size) {
            fprintf(stderr, "%s: train %zu is not sound\n", path, *count);
            exit(1);
        }
    }
    fclose(file);
    return trains;
}

/* One message of a train, or one for each of its events; returns how many there are then. */
static int describe(const struct train *train, const char *bytes, int place, struct sockaddr_in *to, int gso, int made) {
    uint32_t step = gso ? train->size : train->segment;
    for (uint32_t at = 0; at < train->size; at += step, made++) {
        struct msghdr *message = &messages[made].msg_hdr;
        parts[made] = (struct iovec){(char *)bytes + at, step < train->size - at ? step : train->size - at};
        *message = (struct msghdr){.msg_name = to, .msg_namelen = sizeof *to, .msg_iov = &parts[made], .msg_iovlen = 1};
        if (!gso) continue;
        controls[place].header = (struct cmsghdr){CMSG_LEN(2), IPPROTO_UDP, SEGMENT};
        controls[place].segment = train->segment;
        message->msg_control = &controls[place];
        message->msg_controllen = CMSG_SPACE(2);
    }
    return made;
}

static void send_all(int fd, int count) {
    for (int done = 0; done < count;) {
        int sent = sendmmsg(fd, messages + done, count - done < VLEN ? count - done : VLEN, 0);
        if (sent > 0)
            done += sent;
        else if (errno == EAGAIN || errno == ENOBUFS)
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 1);
        else if (errno != ECONNREFUSED)
            fail("sendmmsg");
    }
}

int main(int count, char **words) {
    if (count != 9) return fprintf(stderr, "ceiling FILE ADDRESS FIRST_PORT PORTS SECONDS BATCH gso|single copy|place\n"), 2;
    size_t trains_count, train = 0;
    struct train *trains = read_trains(words[1], &trains_count);
    int lanes = atoi(words[4]), batch = atoi(words[6]), gso = !strcmp(words[7], "gso"), copy = !strcmp(words[8], "copy");
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), discover = IP_PMTUDISC_DO, room = 4 << 20;
    if (fd < 0 || !trains_count || lanes < 1 || lanes > 65535 || batch < 1 || batch > BATCH) fail("ceiling");
    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof discover);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    for (int lane = 0; lane < lanes; lane++) {
        ports[lane] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(words[3]) + lane)};
        if (inet_pton(AF_INET, words[2], &ports[lane].sin_addr) != 1) fail("ADDRESS");
    }
    double began = now_s(), until = began + atof(words[5]), now = began;
    unsigned long datagrams = 0;
    for (int lane = 0; now < until; now = now_s()) {
        int made = 0;
        for (int place = 0; place < batch; place++, train = (train + 1) % trains_count, lane = (lane + 1) % lanes) {
            const struct train *next = &trains[train];
            if (copy) memcpy(staged[place], next->bytes, next->size);
            made = describe(next, copy ? staged[place] : next->bytes, place, &ports[lane], gso, made);
            datagrams += (next->size + next->segment - 1) / next->segment;
        }
        send_all(fd, made);
    }
    printf("{\"datagrams\": %lu, \"seconds\": %.6f}\n", datagrams, now - began);
    return 0;
}
