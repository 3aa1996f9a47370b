// Asks a broker as fast as it answers, and prints what that took: one line of `name=value` pairs.
//
//     wire-load MODE --port N --pid N [--topic T] [--partitions N] [--connections N] [--batch BYTES] [--acks N]
//               [--window N] [--requests N] [--seconds N]
//
// MODE is `create`, which makes the topic; `produce`, which sends one prebuilt batch again and again; or `fetch`, which
// reads partitions that hold such batches, from their beginning and over again. `--pid` is the broker's process, whose
// CPU time is read. `--window` is how many requests of a connection may be unanswered. It ends after so many requests or
// so many seconds, whichever comes first.
//
// One thread, epoll, no encoding while it measures: what is sent is prebuilt, and what is fetched is thrown away by the
// kernel (MSG_TRUNC), so that the broker has the machine.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <string>
#include <vector>

namespace {

[[noreturn]] void fail(const std::string &what) {
    fprintf(stderr, "wire-load: %s\n", what.c_str());
    exit(1);
}

double now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return double(time.tv_sec) + double(time.tv_nsec) / 1e9;
}

struct Options {
    std::string mode, topic = "load";
    long port = 9092, pid = 0, partitions = 1, connections = 1, batch = 16384, acks = -1, window = 1;
    long requests = 1L << 40;
    double seconds = 2;

    Options(int count, char **arguments) {
        if (count < 2) fail("the mode is missing: create, produce or fetch");
        mode = arguments[1];
        for (int place = 2; place + 1 < count; place += 2) {
            std::string name = arguments[place], value = arguments[place + 1];
            if (name == "--topic") topic = value;
            else if (name == "--seconds") seconds = atof(value.c_str());
            else number(name) = atol(value.c_str());
        }
    }

    long &number(const std::string &name) {
        if (name == "--port") return port;
        if (name == "--pid") return pid;
        if (name == "--partitions") return partitions;
        if (name == "--connections") return connections;
        if (name == "--batch") return batch;
        if (name == "--acks") return acks;
        if (name == "--window") return window;
        if (name == "--requests") return requests;
        fail("there is no option " + name);
    }
};

/// User and system time of a process so far, in seconds.
double cpuSeconds(long pid) {
    std::string path = "/proc/" + std::to_string(pid) + "/stat";
    FILE *file = fopen(path.c_str(), "r");
    if (!file) fail("there is no " + path);
    char line[4096];
    size_t count = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[count] = 0;
    char *rest = strrchr(line, ')');
    unsigned long user = 0, system = 0;
    if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        fail(path + " cannot be read");
    return double(user + system) / double(sysconf(_SC_CLK_TCK));
}

// MARK: Bytes

struct Bytes : std::string {
    void number(int64_t value, int bytes) {
        for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) push_back(char(value >> shift));
    }
    void text(const std::string &text) {
        number(int64_t(text.size()), 2);
        append(text);
    }
    void varint(int64_t value) {
        uint64_t left = (uint64_t(value) << 1) ^ uint64_t(value >> 63);
        for (; left > 127; left >>= 7) push_back(char(left | 128));
        push_back(char(left));
    }
    void set(size_t place, int64_t value, int bytes) {
        Bytes made;
        made.number(value, bytes);
        replace(place, size_t(bytes), made);
    }
};

int64_t number(const char *bytes, int count) {
    int64_t value = 0;
    for (int place = 0; place < count; place++) value = value << 8 | uint8_t(bytes[place]);
    return value;
}

uint32_t crc32c(const std::string &bytes, size_t from) {
    uint32_t crc = ~0u;
    for (size_t place = from; place < bytes.size(); place++) {
        crc ^= uint8_t(bytes[place]);
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0x82f63b78u & (0u - (crc & 1)));
    }
    return ~crc;
}

/// A record batch of exactly `size` bytes with records of about 1 KB.
struct Batch {
    Bytes bytes;
    int count = 0;

    explicit Batch(size_t size) {
        bytes.resize(61, 0);
        while (bytes.size() < size) {
            size_t left = size - bytes.size();
            addRecord(left < 2200 ? left : 1024);
        }
        bytes.set(8, int64_t(bytes.size()) - 12, 4);
        bytes.set(16, 2, 1);
        bytes.set(23, count - 1, 4);
        int64_t time = int64_t(::time(nullptr)) * 1000;
        bytes.set(27, time, 8);
        bytes.set(35, time, 8);
        bytes.set(43, -1, 8);
        bytes.set(51, -1, 2);
        bytes.set(53, -1, 4);
        bytes.set(57, count, 4);
        bytes.set(17, crc32c(bytes, 21), 4);
    }

    /// A record that takes `size` bytes, its length included. (Where the length of a length changes, the key is longer.)
    void addRecord(size_t size) {
        for (size_t key = 8; key < 16; key++)
            for (size_t value = size > 40 ? size - 40 : 0; value < size; value++) {
                Bytes record = encoded(key, value);
                if (record.size() != size) continue;
                bytes.append(record);
                count++;
                return;
            }
        fail("no record has " + std::to_string(size) + " bytes");
    }

    Bytes encoded(size_t key, size_t value) const {
        Bytes body;
        body.push_back(0);
        body.varint(0);
        body.varint(count);
        body.varint(int64_t(key));
        body.append(key, 'k');
        body.varint(int64_t(value));
        for (size_t place = 0; place < value; place++) body.push_back(char('a' + (place * 7 + size_t(count)) % 26));
        body.varint(0);
        Bytes record;
        record.varint(int64_t(body.size()));
        record.append(body);
        return record;
    }
};

Bytes request(int api, int version) {
    Bytes bytes;
    bytes.number(0, 4);
    bytes.number(api, 2);
    bytes.number(version, 2);
    bytes.number(1, 4);
    bytes.text("wire-load");
    return bytes;
}

Bytes finished(Bytes bytes) {
    bytes.set(0, int64_t(bytes.size()) - 4, 4);
    return bytes;
}

Bytes createRequest(const Options &options) {
    Bytes bytes = request(19, 4);
    bytes.number(1, 4);
    bytes.text(options.topic);
    bytes.number(options.partitions, 4);
    bytes.number(1, 2);
    bytes.number(0, 4);
    bytes.number(0, 4);
    bytes.number(10000, 4);
    bytes.number(0, 1);
    return finished(bytes);
}

Bytes produceRequest(const Options &options, long partition, const Batch &batch) {
    Bytes bytes = request(0, 8);
    bytes.number(-1, 2);
    bytes.number(options.acks, 2);
    bytes.number(30000, 4);
    bytes.number(1, 4);
    bytes.text(options.topic);
    bytes.number(1, 4);
    bytes.number(partition, 4);
    bytes.number(int64_t(batch.bytes.size()), 4);
    bytes.append(batch.bytes);
    return finished(bytes);
}

/// Where the offset stands in it is `offsetPlace`.
Bytes fetchRequest(const Options &options, long partition, size_t &offsetPlace) {
    Bytes bytes = request(1, 11);
    bytes.number(-1, 4);
    bytes.number(500, 4);
    bytes.number(1, 4);
    bytes.number(options.batch, 4);
    bytes.number(0, 1);
    bytes.number(0, 4);
    bytes.number(-1, 4);
    bytes.number(1, 4);
    bytes.text(options.topic);
    bytes.number(1, 4);
    bytes.number(partition, 4);
    bytes.number(-1, 4);
    offsetPlace = bytes.size();
    bytes.number(0, 8);
    bytes.number(-1, 8);
    bytes.number(options.batch, 4);
    bytes.number(0, 4);
    bytes.number(0, 2);
    return finished(bytes);
}

// MARK: Connections

int connected(long port) {
    int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(uint16_t(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(socket, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) fail("the broker does not listen");
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return socket;
}

struct Measured {
    long answers = 0;
    int64_t bytesIn = 0;
    std::vector<double> latencies;
};

/// One connection that sends its request again whenever it may.
class Client {
public:
    int socket;

    Client(const Options &options, Bytes frame, size_t offsetPlace, long perBatch)
        : socket(connected(options.port)), options(options), frame(std::move(frame)), offsetPlace(offsetPlace),
          perBatch(perBatch), answerPlace(4 + 4 + 4) {
        fcntl(socket, F_SETFL, O_NONBLOCK);
        // Small requests go out many at a time.
        if (!offsetPlace)
            while (train.size() + this->frame.size() <= 65536 && copies < options.window) {
                train += this->frame;
                copies++;
            }
    }

    /// Sends what may be sent.
    void send(long &left) {
        while (true) {
            if (place == outgoing) {
                if (sent.size() >= size_t(options.window) || left <= 0) return;
                long count = 1;
                if (copies > 1) count = std::min({copies, options.window - long(sent.size()), left});
                bytes = copies > 1 ? train.data() : frame.data();
                outgoing = size_t(count) * frame.size();
                place = 0;
                left -= count;
                double time = now();
                for (long one = 0; one < count; one++) sent.push_back(time);
            }
            ssize_t count = ::send(socket, bytes + place, outgoing - place, MSG_NOSIGNAL);
            if (count < 0 && errno == EAGAIN) return;
            if (count < 0) fail("sending failed: " + std::string(strerror(errno)));
            place += size_t(count);
        }
    }

    /// Whether something waits for room in the socket.
    bool isBlocked() const { return place < outgoing; }
    bool isIdle() const { return sent.empty(); }

    /// Takes what has come.
    void receive(Measured &measured) {
        while (true) {
            ssize_t count;
            if (skipped > 0) {
                count = recv(socket, nullptr, size_t(std::min<int64_t>(skipped, 1 << 24)), MSG_TRUNC);
                if (count > 0) {
                    skipped -= count;
                    if (skipped == 0) finish(measured);
                }
            } else {
                // A fetch's answer has little before the records: no more than that is read here.
                size_t wanted = offsetPlace ? headBytes() - in.size() : 65536;
                size_t before = in.size();
                in.resize(before + wanted);
                count = recv(socket, in.data() + before, wanted, 0);
                in.resize(before + size_t(std::max<ssize_t>(count, 0)));
                if (count > 0) cut(measured);
            }
            if (count == 0) fail("the broker has closed the connection");
            if (count < 0 && errno == EAGAIN) return;
            if (count < 0) fail("receiving failed: " + std::string(strerror(errno)));
        }
    }

private:
    const Options &options;
    Bytes frame;
    std::string train;
    size_t offsetPlace;
    long perBatch, copies = 0;
    size_t answerPlace;
    const char *bytes = nullptr;
    size_t place = 0, outgoing = 0;
    std::deque<double> sent;
    std::string in;
    int64_t skipped = 0, answerBytes = 0, offset = 0;

    size_t textBytes() const { return 2 + options.topic.size(); }

    /// The bytes of a fetch's answer up to the error of its partition and its high watermark.
    size_t headBytes() const { return 4 + 4 + 4 + 2 + 4 + 4 + textBytes() + 4 + 4 + 2 + 8; }

    void finish(Measured &measured) {
        measured.latencies.push_back(now() - sent.front());
        sent.pop_front();
        measured.answers++;
        measured.bytesIn += answerBytes;
    }

    void cut(Measured &measured) {
        size_t from = 0;
        while (in.size() - from >= 4) {
            answerBytes = 4 + number(in.data() + from, 4);
            if (offsetPlace) {
                if (in.size() < headBytes()) break;
                checkFetched();
                skipped = answerBytes - int64_t(in.size());
                from = in.size();
                if (skipped == 0) finish(measured);
                break;
            }
            if (int64_t(in.size() - from) < answerBytes) break;
            int64_t error = number(in.data() + from + 4 + 4 + 4 + textBytes() + 4 + 4, 2);
            if (error != 0) fail("a batch was refused with error " + std::to_string(error));
            from += size_t(answerBytes);
            finish(measured);
        }
        in.erase(0, from);
    }

    void checkFetched() {
        const char *partition = in.data() + headBytes() - 10;
        if (number(partition, 2) != 0) fail("a fetch was refused with error " + std::to_string(number(partition, 2)));
        int64_t end = number(partition + 2, 8);
        if (answerBytes < options.batch) fail("a fetch brought no batch, at offset " + std::to_string(offset));
        offset = offset + 2 * perBatch <= end ? offset + perBatch : 0;
        frame.set(offsetPlace, offset, 8);
    }
};

void create(const Options &options) {
    int socket = connected(options.port);
    Bytes frame = createRequest(options);
    if (::send(socket, frame.data(), frame.size(), 0) != ssize_t(frame.size())) fail("sending failed");
    char answer[4096];
    ssize_t count = 0;
    while (count < 4 || count < 4 + number(answer, 4)) {
        ssize_t more = recv(socket, answer + count, sizeof answer - size_t(count), 0);
        if (more <= 0) fail("the topic cannot be created");
        count += more;
    }
    int64_t error = number(answer + 4 + 4 + 4 + 4 + 2 + options.topic.size(), 2);
    if (error != 0) fail("the topic cannot be created: error " + std::to_string(error));
    close(socket);
}

void run(const Options &options) {
    Batch batch{size_t(options.batch)};
    bool fetches = options.mode == "fetch";
    std::vector<Client *> clients;
    int poll = epoll_create1(0);
    for (long one = 0; one < options.connections; one++) {
        long partition = one % options.partitions;
        size_t offsetPlace = 0;
        Bytes frame = fetches ? fetchRequest(options, partition, offsetPlace) : produceRequest(options, partition, batch);
        auto *client = new Client(options, frame, offsetPlace, batch.count);
        clients.push_back(client);
        epoll_event event{EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = client}};
        epoll_ctl(poll, EPOLL_CTL_ADD, client->socket, &event);
    }
    Measured measured;
    long left = options.requests;
    double cpu = cpuSeconds(options.pid), begun = now();
    for (Client *client : clients) client->send(left);
    std::vector<epoll_event> events(256);
    while (true) {
        if (now() - begun > options.seconds) left = 0;
        bool isDone = left <= 0 && std::all_of(clients.begin(), clients.end(), [](Client *one) { return one->isIdle(); });
        if (isDone) break;
        int count = epoll_wait(poll, events.data(), int(events.size()), 30000);
        if (count == 0) fail("the broker does not answer");
        for (int place = 0; place < count; place++) {
            auto *client = static_cast<Client *>(events[size_t(place)].data.ptr);
            if (events[size_t(place)].events & EPOLLIN) client->receive(measured);
            client->send(left);
        }
    }
    double wall = now() - begun;
    cpu = cpuSeconds(options.pid) - cpu;
    auto &times = measured.latencies;
    std::sort(times.begin(), times.end());
    auto at = [&](double share) { return times.empty() ? 0 : times[size_t(double(times.size() - 1) * share)] * 1e3; };
    double moved = double(measured.answers) * double(options.batch);
    printf("requests=%ld seconds=%.3f cpu=%.3f bytes=%.0f p50=%.3f p99=%.3f\n", measured.answers, wall, cpu, moved,
        at(0.5), at(0.99));
}

}  // namespace

int main(int count, char **arguments) {
    Options options(count, arguments);
    if (options.mode == "create") create(options);
    else if (options.mode == "produce" || options.mode == "fetch") run(options);
    else fail("there is no mode " + options.mode);
}
