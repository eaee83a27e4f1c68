// opendht puts a network of OpenDHT nodes through the work of ../../work, and
// measures it in the same way; the figures are on its output, as JSON.
//
//   opendht NODES CONTACTS STORES BURST CALLERS READERS VALUE_SIZE SEED
//
// What it cannot do alike: no call says that a node has found its place, since
// the library looks for it by a timer (3 to 5 s after the start). The network
// counts as settled when every node has looked and the good nodes in all tables
// then grow by less than a hundredth in two seconds, from the first of these two.
//
// The library's own limits on questions a second are off.
#include <opendht.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
using Random = std::mt19937_64;

constexpr double bootLimit = 150;  // s; what has not settled then has not
constexpr double phaseLimit = 300; // s
constexpr double calm = 2;         // s
constexpr double growth = 1.01;

double since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

double cpu()
{
    rusage u {};
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

double memoryKiB()
{
    long all = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> all >> resident;
    return resident * double(sysconf(_SC_PAGESIZE)) / 1024;
}

long threads()
{
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
        if (word == "Threads:") {
            long n = 0;
            status >> n;
            return n;
        }
    return 0;
}

// By nearest rank.
double percentile(std::vector<double> v, size_t percent)
{
    if (v.empty())
        return 0;
    std::sort(v.begin(), v.end());
    return v[(percent * v.size() + 99) / 100 - 1];
}

struct Work {
    size_t nodes, contacts, stores, burst, callers, readers, valueSize, seed;
};

struct Deposit {
    dht::InfoHash key;
    dht::Blob data;
    size_t writer = 0;
    double took = 0; // ms
    bool stored = false;
};

struct Search {
    size_t deposit = 0, reader = 0;
    std::atomic<double> first {-1};
    double took = 0;
};

// Callers runs operations, so many at once, until all have ended.
class Callers {
public:
    explicit Callers(size_t atOnce) : atOnce(atOnce) {}

    // run returns the seconds that it took. What begins must call ended once.
    double run(size_t total, const std::function<void(size_t)>& begin)
    {
        const auto begun = Clock::now();
        for (size_t i = 0; i < total; i++) {
            untilBelow(atOnce);
            running++;
            begin(i);
        }
        untilBelow(1);
        return since(begun);
    }

    void ended()
    {
        std::lock_guard<std::mutex> lock(mutex);
        running--;
        changed.notify_one();
    }

private:
    void untilBelow(size_t n)
    {
        std::unique_lock<std::mutex> lock(mutex);
        if (!changed.wait_for(lock, std::chrono::duration<double>(phaseLimit), [&] { return running < n; })) {
            std::fprintf(stderr, "opendht: an operation has not ended in %.0f s\n", phaseLimit);
            std::_Exit(1);
        }
    }

    const size_t atOnce;
    std::atomic<size_t> running {0};
    std::mutex mutex;
    std::condition_variable changed;
};

class Swarm {
public:
    Swarm(const Work& work, Random& random) : work(work), random(random) {}

    void boot();
    void operate();
    void print() const;

private:
    struct Outcome {
        double questions, cpuMS, perS;
    };
    void introduce(size_t node, const std::vector<dht::SockAddr>& all);
    bool settled();
    double goodNodes();
    long questions();
    bool holds(size_t node, const dht::InfoHash& key) { return nodes[node]->getStorageLog(key) != nothing(key); }
    static std::string nothing(const dht::InfoHash& key);

    std::vector<Deposit> deposits(size_t count);
    std::vector<std::unique_ptr<Search>> searches(const std::vector<Deposit>&);
    Outcome store(std::vector<Deposit>&, size_t callers);
    Outcome find(const std::vector<Deposit>&, std::vector<std::unique_ptr<Search>>&, size_t callers);
    Outcome run(size_t total, size_t callers, const std::function<void(size_t, Callers&)>& begin);

    const Work work;
    Random& random;
    std::vector<std::unique_ptr<dht::DhtRunner>> nodes;

    double bootS = 0, bootCPU = 0, memory = 0;
    long threadsThen = 0;
    std::vector<double> stores, firsts, finds; // one caller, ms
    Outcome oneStore {}, oneFind {}, manyStores {}, manyFinds {};
    size_t stored = 0, tried = 0, found = 0, searched = 0;
};

void Swarm::boot()
{
    const double memoryBefore = memoryKiB(), cpuBefore = cpu();
    const long threadsBefore = threads();
    const auto begun = Clock::now();
    std::vector<dht::SockAddr> all;
    for (size_t i = 0; i < work.nodes; i++) {
        dht::DhtRunner::Config config {};
        config.dht_config.node_config.max_req_per_sec = -1;
        config.dht_config.node_config.max_peer_req_per_sec = -1;
        config.threaded = true;
        config.bind4 = dht::SockAddr::resolve("127.0.0.1", "0").front();
        nodes.push_back(std::make_unique<dht::DhtRunner>());
        nodes.back()->run(config, {});
        all.push_back(dht::SockAddr::resolve("127.0.0.1", std::to_string(nodes.back()->getBound().getPort())).front());
    }
    for (size_t i = 0; i < work.nodes; i++)
        introduce(i, all);

    double last = -1, lastCPU = 0;
    auto lastAt = begun;
    for (;;) {
        if (since(begun) > bootLimit) {
            std::fprintf(stderr, "opendht: not settled in %.0f s\n", bootLimit);
            std::_Exit(1);
        }
        if (settled() && (last < 0 || since(lastAt) >= calm)) {
            const double good = goodNodes();
            if (last > 0 && good <= last * growth)
                break;
            last = good;
            lastAt = Clock::now();
            lastCPU = cpu();
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    bootS = std::chrono::duration<double>(lastAt - begun).count();
    bootCPU = lastCPU - cpuBefore;
    memory = (memoryKiB() - memoryBefore) / work.nodes;
    threadsThen = threads() - threadsBefore;
}

void Swarm::introduce(size_t node, const std::vector<dht::SockAddr>& all)
{
    std::vector<size_t> order;
    while (order.size() < std::min(work.contacts, work.nodes - 1)) {
        const size_t other = random() % work.nodes;
        if (other != node && std::find(order.begin(), order.end(), other) == order.end())
            order.push_back(other);
    }
    std::vector<dht::SockAddr> contacts;
    for (size_t other : order)
        contacts.push_back(all[other]);
    nodes[node]->bootstrap(contacts);
}

// settled: every node knows somebody and has looked for its place.
bool Swarm::settled()
{
    return std::all_of(nodes.begin(), nodes.end(), [](const auto& n) {
        const auto stats = n->getNodesStats(AF_INET);
        return stats.good_nodes > 0 && stats.searches > 0;
    });
}

double Swarm::goodNodes()
{
    double sum = 0;
    for (const auto& n : nodes)
        sum += n->getNodesStats(AF_INET).good_nodes;
    return sum;
}

// questions is how many all nodes have asked since the last call.
long Swarm::questions()
{
    long sum = 0;
    for (const auto& n : nodes)
        for (unsigned of : n->getNodeMessageStats(false)) // ping, find, get, listen, put
            sum += of;
    return sum;
}

// nothing is what the library says of a key under which it holds nothing.
std::string Swarm::nothing(const dht::InfoHash& key)
{
    return "Storage " + key.toString() + " empty\n";
}

std::vector<Deposit> Swarm::deposits(size_t count)
{
    std::vector<Deposit> all(count);
    for (auto& d : all) {
        d.key = dht::InfoHash::getRandom(random);
        d.data.resize(work.valueSize);
        for (auto& b : d.data)
            b = random();
        d.writer = random() % work.nodes;
    }
    return all;
}

// searches are by nodes that do not hold what they look for: all first readers,
// then all second ones, and so on.
std::vector<std::unique_ptr<Search>> Swarm::searches(const std::vector<Deposit>& of)
{
    std::vector<std::vector<size_t>> readers(of.size());
    std::vector<size_t> order(work.nodes);
    for (size_t i = 0; i < order.size(); i++)
        order[i] = i;
    for (size_t i = 0; i < of.size(); i++) {
        std::shuffle(order.begin(), order.end(), random);
        for (size_t node : order)
            if (readers[i].size() < work.readers && node != of[i].writer && !holds(node, of[i].key))
                readers[i].push_back(node);
    }
    std::vector<std::unique_ptr<Search>> all;
    for (size_t nth = 0; nth < work.readers; nth++)
        for (size_t i = 0; i < of.size(); i++)
            if (nth < readers[i].size()) {
                all.push_back(std::make_unique<Search>());
                all.back()->deposit = i;
                all.back()->reader = readers[i][nth];
            }
    return all;
}

Swarm::Outcome Swarm::run(size_t total, size_t atOnce, const std::function<void(size_t, Callers&)>& begin)
{
    Callers callers(atOnce);
    questions();
    const double before = cpu();
    const double took = callers.run(total, [&](size_t i) { begin(i, callers); });
    const double each = std::max<size_t>(1, total);
    return {questions() / each, (cpu() - before) * 1000 / each, total / took};
}

Swarm::Outcome Swarm::store(std::vector<Deposit>& all, size_t atOnce)
{
    const auto outcome = run(all.size(), atOnce, [&](size_t i, Callers& callers) {
        auto& d = all[i];
        const auto begun = Clock::now();
        nodes[d.writer]->put(d.key, std::make_shared<dht::Value>(d.data), [&, begun](bool ok) {
            d.took = since(begun) * 1000;
            d.stored = ok;
            callers.ended();
        });
    });
    tried += all.size();
    for (const auto& d : all)
        stored += d.stored;
    return outcome;
}

Swarm::Outcome Swarm::find(const std::vector<Deposit>& in, std::vector<std::unique_ptr<Search>>& all, size_t atOnce)
{
    const auto outcome = run(all.size(), atOnce, [&](size_t i, Callers& callers) {
        auto& s = *all[i];
        const auto& wanted = in[s.deposit];
        const auto begun = Clock::now();
        nodes[s.reader]->get(
            wanted.key,
            [&s, &wanted, begun](const std::vector<std::shared_ptr<dht::Value>>& values) {
                for (const auto& v : values)
                    if (v->data == wanted.data && s.first < 0)
                        s.first = since(begun) * 1000;
                return true;
            },
            [&s, &callers, begun](bool) {
                s.took = since(begun) * 1000;
                callers.ended();
            });
    });
    searched += all.size();
    for (const auto& s : all)
        found += s->first >= 0;
    return outcome;
}

void Swarm::operate()
{
    auto some = deposits(work.stores);
    oneStore = store(some, 1);
    for (const auto& d : some)
        stores.push_back(d.took);
    auto readers = searches(some);
    oneFind = find(some, readers, 1);
    for (const auto& s : readers) {
        finds.push_back(s->took);
        if (s->first >= 0)
            firsts.push_back(s->first);
    }
    auto many = deposits(work.burst);
    manyStores = store(many, work.callers);
    auto manyReaders = searches(many);
    manyFinds = find(many, manyReaders, work.callers);
}

void Swarm::print() const
{
    std::printf("{\"boot_s\":%.4f,\"boot_cpu_s\":%.4f,\"memory_kib\":%.2f,\"goroutines\":%.2f,"
                "\"store_p50_ms\":%.4f,\"store_p99_ms\":%.4f,\"first_p50_ms\":%.4f,\"first_p99_ms\":%.4f,"
                "\"find_p50_ms\":%.4f,\"find_p99_ms\":%.4f,\"store_questions\":%.2f,\"find_questions\":%.2f,"
                "\"store_cpu_ms\":%.4f,\"find_cpu_ms\":%.4f,\"stores_per_s\":%.2f,\"finds_per_s\":%.2f,"
                "\"stored\":%zu,\"tried\":%zu,\"found\":%zu,\"searched\":%zu}\n",
                bootS, bootCPU, memory, double(threadsThen) / work.nodes,
                percentile(stores, 50), percentile(stores, 99), percentile(firsts, 50), percentile(firsts, 99),
                percentile(finds, 50), percentile(finds, 99), oneStore.questions, oneFind.questions,
                oneStore.cpuMS, oneFind.cpuMS, manyStores.perS, manyFinds.perS, stored, tried, found, searched);
}

} // namespace

int main(int count, char** arguments)
{
    if (count != 9) {
        std::fprintf(stderr, "usage: opendht NODES CONTACTS STORES BURST CALLERS READERS VALUE_SIZE SEED\n");
        return 2;
    }
    size_t n[8];
    for (int i = 0; i < 8; i++)
        n[i] = std::strtoull(arguments[i + 1], nullptr, 10);
    const Work work {n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]};
    Random random(work.seed);
    Swarm swarm(work, random);
    swarm.boot();
    if (work.stores > 0)
        swarm.operate();
    swarm.print();
    std::fflush(stdout);
    std::_Exit(0); // its threads would take a second each to join
}
