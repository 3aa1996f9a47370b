import ArgumentParser
import Foundation
import MoldauClient

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What a producer and a consumer cost: `Tests/Tools/bench_client.py` runs it.
@main struct ClientLoad: AsyncParsableCommand {
    enum Way: String, ExpressibleByArgument, CaseIterable {
        /// `withAppender`: bytes, without waiting for each.
        case append
        /// `enqueue` of typed records.
        case enqueue
        /// `pollBatch`: views of whole batches.
        case batches
        /// `poll`: typed records.
        case poll
    }

    static let configuration = CommandConfiguration(
        commandName: "client-load", abstract: "Produces or consumes records, and prints what that has cost.")

    @Argument(help: "append, enqueue, batches or poll") var way: Way
    @Option var bootstrapServer = "127.0.0.1:9092"
    @Option var topic = "load"
    @Option var records = 1_000_000
    @Option(help: "Bytes of a record's value.") var size = 100
    @Option(help: "batch.size and linger.ms of the producer.") var batchSize = 1 << 20
    @Option var lingerMs = 5
    @Option var compression = "none"

    func run() async throws {
        let cluster = try ClientOptions(bootstrapServers: bootstrapServer)
        let names = Topic<[UInt8]?, [UInt8]>(topic)
        // Connections and metadata are there before it counts.
        let (begin, end): (Times, Times)
        switch way {
        case .append, .enqueue: (begin, end) = try await produce(names, cluster)
        case .batches, .poll: (begin, end) = try await consume(names, cluster)
        }
        print("records=\(records) cpu=\(end.cpu - begin.cpu) wall=\(end.wall - begin.wall)")
    }

    private func produce(_ topic: Topic<[UInt8]?, [UInt8]>, _ cluster: ClientOptions) async throws -> (Times, Times) {
        var options = ProducerOptions()
        options.batchSize = batchSize
        options.maxRequestSize = max(options.maxRequestSize, batchSize + 1_024)
        options.linger = .milliseconds(lingerMs)
        options.compression = ProducerOptions.Compression(rawValue: compression) ?? .none
        let producer = try Producer(to: topic, cluster: cluster, options: options)
        let value = [UInt8](repeating: 120, count: size)
        let begin = Times.now
        var sent = 0
        if way == .enqueue {
            while sent < records {
                _ = try await producer.enqueue(nil, value)
                sent += 1
            }
        } else {
            while sent < records {
                try await producer.withAppender { appender in
                    try value.withUnsafeBytes { bytes in
                        while sent < records, try appender.append(key: nil, value: bytes) != nil { sent += 1 }
                    }
                }
                if sent < records { try await producer.waitForRoom() }
            }
        }
        await producer.close()
        return (begin, .now)
    }

    private func consume(_ topic: Topic<[UInt8]?, [UInt8]>, _ cluster: ClientOptions) async throws -> (Times, Times) {
        var options = ConsumerOptions()
        options.offsetReset = .earliest
        let consumer = try Consumer(
            [topic], assigned: [TopicPartition(topic.name, 0)], cluster: cluster, options: options)
        let begin = Times.now
        var (read, bytes) = (0, 0)
        while read < records {
            if way == .poll {
                for record in try await consumer.poll() {
                    read += 1
                    bytes += record.value.count
                }
            } else if let batch = try await consumer.pollBatch() {
                try batch.forEach { record in
                    read += 1
                    bytes += record.value?.count ?? 0
                }
            }
        }
        await consumer.close()
        guard bytes == records * size else { throw ValidationError("\(bytes) bytes were read of \(read) records") }
        return (begin, .now)
    }
}

/// The time, and what all threads of the process have used.
private struct Times {
    let wall: Double
    let cpu: Double

    static var now: Times { Times(wall: seconds(CLOCK_MONOTONIC), cpu: seconds(CLOCK_PROCESS_CPUTIME_ID)) }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
