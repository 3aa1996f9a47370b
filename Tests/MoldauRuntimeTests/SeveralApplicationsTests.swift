import Foundation
import Moldau
import MoldauClusterEmbedded
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import ProgramSupport
import Testing

/// Applications that share a broker or a process, or that try to share what they must not.
struct SeveralApplicationsTests {
    private static let lines = Topic<String, String>("lines")
    private static let words = Topic<String, Int64>("words")
    private static let totals = Topic<String, Int64>("totals")

    private func wordCount() throws -> Topology {
        try Topology { streams in
            streams.stream(Self.lines)
                .flatMapValues { line in line.lowercased().split(whereSeparator: \.isWhitespace).map(String.init) }
                .groupBy { _, word in word }
                .count(as: TableStoreName<String, Int64>("counts")).toStream()
                .mapValues { $0 ?? 0 }.to(Self.words)
        }
    }

    /// The counted words, grouped by their first letters.
    private func totals() throws -> Topology {
        try Topology { streams in
            streams.stream(Self.words)
                .groupBy { word, _ in String(word.prefix(1)) }
                .count(as: TableStoreName<String, Int64>("counts")).toStream()
                .mapValues { $0 ?? 0 }.to(Self.totals)
        }
    }

    private func application(
        _ id: String, _ topology: Topology, _ cluster: EmbeddedCluster, _ directory: URL?,
        _ guarantee: ProcessingGuarantee = .atLeastOnce
    ) -> StreamsApplication {
        var configuration = StreamsConfiguration()
        configuration.commitInterval = .milliseconds(10)
        configuration.guarantee = guarantee
        configuration.streamThreads = 2
        return StreamsApplication(
            id: id, topology: topology,
            cluster: .cluster(cluster, stateDirectory: directory?.appending(path: "state").path),
            configuration: configuration)
    }

    private func withCluster(_ body: (EmbeddedCluster, ClusterFixture, URL) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "moldau-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let cluster = try await EmbeddedCluster(directory: directory.appending(path: "topics").path, durability: .os)
        let fixture = try ClusterFixture(cluster)
        try fixture.create(["lines": 3, "words": 3, "totals": 1])
        try await body(cluster, fixture, directory)
        try await cluster.close()
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `one application's output is another's input`(guarantee: ProcessingGuarantee) async throws {
        try await withCluster { cluster, fixture, directory in
            let apps = [
                application("word-count", try wordCount(), cluster, directory, guarantee),
                application("totals", try totals(), cluster, directory, guarantee),
            ]
            for app in apps { try await app.started() }
            for number in 0..<30 {
                try fixture.write("lines", "l\(number)", "apple banana apple", at: 1, partition: Int32(number % 3))
            }
            let expected: [String: Int64] = ["a": 60, "b": 30]
            func last() throws -> [String: Int64] {
                try fixture.read(Self.totals).reduce(into: [:]) { $0[$1.key] = $1.value }
            }
            #expect(try eventually { try last() == expected })
            // They are independent: one can be stopped and restarted.
            try await apps[1].stopped()
            try fixture.write("lines", "l", "avocado", at: 2)
            let again = application("totals", try totals(), cluster, directory, guarantee)
            try await again.started()
            #expect(try eventually { try last()["a"] == 61 })
            #expect(apps[0].state == .running)
            try await again.stopped()
            try await apps[0].stopped()
            let topics = try fixture.topicNames()
            #expect(topics.contains("word-count-counts-changelog") && topics.contains("totals-counts-changelog"))
        }
    }

    @Test(arguments: [true, false])
    func `a second application of the same id is rejected by name, and can run after the first`(
        hasDirectory: Bool
    ) async throws {
        try await withCluster { cluster, fixture, directory in
            let state = hasDirectory ? directory : nil
            let first = application("word-count", try wordCount(), cluster, state)
            try await first.started()
            let second = application("word-count", try wordCount(), cluster, state)
            let error = await #expect(throws: ClusterError.groupInUse("word-count")) { try await second.started() }
            #expect(error?.description.contains("'word-count' is already running on this cluster") == true)
            #expect(second.state == .error)
            #expect(try eventually { first.state == .running })
            try await first.stopped()
            let third = application("word-count", try wordCount(), cluster, state)
            try await third.started()
            #expect(try eventually { third.state == .running })
            try await third.stopped()
        }
    }

    @Test func `a state directory is locked by one application, whatever its cluster`() async throws {
        try await withCluster { cluster, fixture, directory in
            let first = application("word-count", try wordCount(), cluster, directory)
            try await first.started()
            let other = try EmbeddedCluster(inMemoryWithClock: { Timestamp(ms: 0) })
            try ClusterFixture(other).create(["lines": 3, "words": 3])
            let second = application("word-count", try wordCount(), other, directory)
            let path = directory.appending(path: "state/word-count").path
            let error = await #expect(throws: StateError.self) { try await second.started() }
            guard case .locked(path, let holder) = error else { throw error! }
            #expect(holder.hasPrefix("process \(ProcessInfo.processInfo.processIdentifier) ("))
            try await first.stopped()
            #expect(throws: Never.self) { try StateDirectoryLock(path) }
        }
    }

    @Test func `a process cannot use the state of a running one, and can at once when that was killed`() throws {
        try withTemporaryDirectory { directory in
            let state = directory.appending(path: "state").path
            let program = BuiltProgram("state-holder")
            func start() throws -> RunningProgram {
                let running = try program.start([state], in: directory)
                for _ in 0..<6_000 where try running.outputSoFar().isEmpty { Thread.sleep(forTimeInterval: 0.01) }
                #expect(try running.outputSoFar() == "running\n")
                return running
            }
            for _ in 0..<3 {
                let holder = try start()
                let refused = try program.run([state])
                #expect(refused.status != 0)
                #expect(refused.errors.contains("the application's state in \(state)/holder is in use by process "))
                #expect(refused.errors.contains("process \(holder.processIdentifier) ("), "\(refused.errors)")
                holder.kill()
                _ = try holder.wait()
            }
        }
    }
}
