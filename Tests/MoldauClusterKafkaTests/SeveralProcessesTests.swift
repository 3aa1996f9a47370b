import Foundation
import Moldau
import MoldauClusterKafka
import ProgramSupport
import Testing

/// Word count in several processes, on a broker in another one.
@Suite(.serialized) struct SeveralProcessesTests {
    private static let texts = (0..<40).map { "word\($0 % 7) word\($0 % 11) word\($0 % 13)" }
    private static let allTasks = (0..<2).flatMap { part in (0..<4).map { "\(part)_\($0)" } }

    private static func counts(_ rounds: Int) -> [String: Int64] {
        texts.flatMap { $0.split(separator: " ") }.reduce(into: [:]) { $0[String($1), default: 0] += Int64(rounds) }
    }

    private static func write(to cluster: any Cluster) throws {
        let writer = try TopicWriter(Topic<String, String>("lines"), on: cluster)
        for (number, text) in texts.enumerated() {
            try writer.write(
                Record(key: "\(number)", value: text, timestamp: Timestamp(ms: Int64(1_000 + number))),
                to: Int32(number % 4))
        }
        try writer.finish()
    }

    /// Whether these processes have all tasks, each of them once, and as many as the others or one more.
    private static func share(_ workers: [Worker]) -> Bool {
        let counts = workers.map(\.tasks.count)
        return workers.allSatisfy(\.isRunning) && workers.flatMap(\.tasks).sorted() == allTasks
            && (counts.max() ?? 0) - (counts.min() ?? 0) <= 1
    }

    private func told(_ workers: [Worker]) -> Comment {
        Comment(rawValue: workers.map { "\($0.name): \($0.history.suffix(4))\n\($0.log.suffix(1_500))" }.joined())
    }

    @Test func `tasks and their state go to processes that come, and back from those that stop`() throws {
        try withBrokerProcess(topics: ["lines": 4, "counts": 1]) { broker in
            let cluster = try broker.cluster()
            let reader = try CountReader("counts", partitions: 1, on: cluster)
            var workers = [try Worker("a", on: broker, ["--exactly-once"])]
            try Self.write(to: cluster)
            #expect(try reader.reach(Self.counts(1)), told(workers))
            workers.append(try Worker("b", on: broker, ["--exactly-once"]))
            workers.append(try Worker("c", on: broker, ["--exactly-once"]))
            #expect(waitUntil { Self.share(workers) }, told(workers))
            try Self.write(to: cluster)
            #expect(try reader.reach(Self.counts(2)), told(workers))
            #expect(try workers.removeFirst().stop() == 0)
            #expect(try workers.removeFirst().stop() == 0)
            #expect(waitUntil { Self.share(workers) }, told(workers))
            try Self.write(to: cluster)
            #expect(try reader.reach(Self.counts(3)), told(workers))
            #expect(reader.recordCount == 3 * 3 * Self.texts.count)
        }
    }

    @Test func `a copy takes over from a process that is killed, and every record counts once`() throws {
        try withBrokerProcess(topics: ["lines": 4, "counts": 1]) { broker in
            let cluster = try broker.cluster()
            let reader = try CountReader("counts", partitions: 1, on: cluster)
            let options = ["--exactly-once", "--standbys", "1"]
            let workers = [try Worker("a", on: broker, options), try Worker("b", on: broker, options)]
            try Self.write(to: cluster)
            #expect(try reader.reach(Self.counts(1)), told(workers))
            #expect(waitUntil { Self.share(workers) && workers.allSatisfy { $0.standbys.count == 2 } }, told(workers))
            let copies = workers[1].standbys
            try Self.write(to: cluster)
            workers[0].kill()
            #expect(try reader.reach(Self.counts(2)), told(workers))
            #expect(waitUntil { Self.share([workers[1]]) }, told(workers))
            #expect(copies == workers[0].tasks.filter { $0.hasPrefix("1_") })
            // Results of transactions that the kill has left open are not among these.
            #expect(reader.recordCount == 2 * 3 * Self.texts.count)
            #expect(!workers[1].log.contains("restored counts"), told(workers))
        }
    }

    @Test func `members with names of their own restart one after the other, and no task moves`() throws {
        try withBrokerProcess(topics: ["lines": 4, "counts": 1]) { broker in
            let cluster = try broker.cluster()
            let reader = try CountReader("counts", partitions: 1, on: cluster)
            func start(_ name: String) throws -> Worker { try Worker(name, on: broker, ["--instance", name]) }
            var workers = [try start("a"), try start("b")]
            #expect(waitUntil { Self.share(workers) }, told(workers))
            try Self.write(to: cluster)
            #expect(try reader.reach(Self.counts(1)), told(workers))
            let before = workers.map(\.tasks)
            for number in workers.indices {
                let lines = workers.map(\.history.count)
                #expect(try workers[number].stop() == 0)
                workers[number] = try start(workers[number].name)
                #expect(
                    waitUntil { workers[number].isRunning && workers[number].tasks == before[number] }, told(workers))
                #expect(workers[1 - number].history.count == lines[1 - number], told(workers))
            }
            try Self.write(to: cluster)
            #expect(try reader.reach(Self.counts(2)), told(workers))
            #expect(workers.map(\.tasks) == before)
        }
    }
}
