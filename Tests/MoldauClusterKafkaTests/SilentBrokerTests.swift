import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauCluster
import MoldauClusterKafka
import MoldauRecords
import MoldauRuntime
import ProgramSupport
import Testing

/// Brokers that keep their connections and answer nothing, and threads that never end.
struct SilentBrokerTests {
    /// `moldau broker` in a process that can be halted.
    private final class HaltableBroker {
        let address: String
        private let running: RunningProgram

        init(topics: [String: Int32], in directory: URL) throws {
            (running, address) = try BrokerProcess.start(
                ["--data", directory.appending(path: "halted").path, "--listen", "127.0.0.1:0"], in: directory)
            let admin = try KafkaCluster(address).makeAdmin()
            try admin.create(topics.sorted { $0.key < $1.key }.map { NewTopic($0.key, partitionCount: $0.value) })
        }

        deinit { running.kill() }

        /// Returns when all threads of the process have stopped, which is some time after the signal was sent.
        func halt() throws {
            kill(running.processIdentifier, SIGSTOP)
            #if os(Linux)
                let threads = "/proc/\(running.processIdentifier)/task"
                try #require(
                    try waitUntil {
                        try FileManager.default.contentsOfDirectory(atPath: threads).allSatisfy {
                            try String(contentsOfFile: "\(threads)/\($0)/stat", encoding: .utf8).contains(") T ")
                        }
                    })
            #endif
        }
        func resume() { kill(running.processIdentifier, SIGCONT) }
    }

    private func withBroker(
        topics: [String: Int32], _ body: @escaping @Sendable (HaltableBroker, URL) throws -> Void
    ) async throws {
        // For its thread and its directory.
        try await withBrokerProcess(topics: [:]) { other in
            try body(HaltableBroker(topics: topics, in: other.directory), other.directory)
        }
    }

    @Test func `requests with a time limit end in time, and succeed once the broker answers again`() async throws {
        try await withBroker(topics: ["input": 1]) { broker, _ in
            let consumer = try KafkaCluster(broker.address).makeConsumer(
                ConsumerOptions(clientID: "test", group: "readers"))
            defer { consumer.close() }
            let partition = TopicPartition("input", 0)
            try consumer.commit([partition: CommittedOffset(.zero, metadata: "text")])
            func ask(within time: Duration) throws {
                #expect(try consumer.ends(of: [partition], within: time) == [partition: .zero])
                #expect(try consumer.bounds(of: [partition], within: time) == [partition: .zero..<(.zero)])
                let committed = try consumer.committed([partition, TopicPartition("input", 1)], within: time)
                #expect(committed == [partition: CommittedOffset(.zero, metadata: "text")])
            }
            try ask(within: .seconds(30))
            try broker.halt()
            let begin = ContinuousClock.now
            #expect(throws: ClusterError.self) { try consumer.ends(of: [partition], within: .milliseconds(200)) }
            #expect(throws: ClusterError.self) { try consumer.bounds(of: [partition], within: .milliseconds(200)) }
            #expect(throws: ClusterError.self) { try consumer.committed([partition], within: .milliseconds(200)) }
            #expect(ContinuousClock.now - begin < .seconds(10))
            broker.resume()
            try ask(within: .seconds(30))
        }
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `a stop ends in time, and the next start resumes from the last commit`(guarantee: ProcessingGuarantee)
        async throws
    {
        try await withBroker(topics: ["lines": 2, "counts": 1]) { broker, directory in
            let lines = Topic<String, String>("lines")
            let cluster = try KafkaCluster(broker.address)
            let reader = try CountReader("counts", partitions: 1, on: cluster)
            func application(_ state: String, commitInterval: Duration) throws -> StreamsApplication {
                var configuration = StreamsConfiguration()
                (configuration.streamThreads, configuration.guarantee) = (2, guarantee)
                (configuration.stopTimeout, configuration.commitInterval) = (.seconds(1), commitInterval)
                configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                return StreamsApplication(
                    id: "words",
                    topology: try Topology { streams in
                        streams.stream(lines).groupBy { _, word in word }
                            .count(as: TableStoreName<String, Int64>("counts")).toStream()
                            .to(Topic<String, Int64>("counts"))
                    },
                    cluster: .kafka(broker.address, stateDirectory: directory.appending(path: state).path),
                    configuration: configuration)
            }
            func write() throws {
                let writer = try TopicWriter(lines, on: cluster)
                for key in ["a", "b"] { try writer.write(Record(key: key, value: "word", timestamp: Timestamp(ms: 1))) }
                try writer.close()
            }
            let first = try application("first", commitInterval: .seconds(60))
            try first.start()
            try write()
            // The stop has to commit these records: nothing else has committed them.
            #expect(waitUntil { first.metrics.processedRecords >= 2 })
            try broker.halt()
            let begin = ContinuousClock.now
            let error = #expect(throws: RuntimeError.self) { try first.stop() }
            #expect(ContinuousClock.now - begin < .seconds(20))
            guard case .stopTimedOut? = error else { throw try #require(error) }
            broker.resume()
            // With a state directory of its own, since the first one may hold its directory for a while.
            let second = try application("second", commitInterval: .milliseconds(100))
            try second.start()
            try write()
            #expect(try reader.reach(["word": 4], within: .seconds(120)))
            try second.stop()
        }
    }

    @Test func `a process whose threads never end leaves its group`() async throws {
        try await withBrokerProcess(topics: ["lines": 1, "out": 1]) { broker in
            let lines = Topic<String, String>("lines")
            let (hasBegun, mayEnd) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            defer { mayEnd.signal() }
            var configuration = StreamsConfiguration()
            (configuration.stopTimeout, configuration.heldThreadPatience) = (.milliseconds(200), .seconds(1))
            configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let app = StreamsApplication(
                id: "held",
                topology: try Topology { streams in
                    streams.stream(lines).mapValues { value in
                        hasBegun.signal()
                        mayEnd.wait()
                        return value
                    }.to(Topic<String, String>("out"))
                },
                cluster: .kafka(broker.address, stateDirectory: broker.directory.appending(path: "held").path),
                configuration: configuration)
            try app.start()
            let writer = try TopicWriter(lines, on: try broker.cluster())
            try writer.write(Record(key: "a", value: "x", timestamp: Timestamp(ms: 1)))
            try writer.close()
            #expect(hasBegun.wait(timeout: .now() + 60) == .success)
            #expect(throws: RuntimeError.self) { try app.stop() }
            let admin = try AdminClient(cluster: ClientOptions(bootstrapServers: broker.address))
            let groups = { try waiting { try await admin.describeGroups(["held"]).all()["held"]?.members.count } }
            #expect(try waitUntil { try groups() == 0 })
        }
    }
}
