import Foundation
import Moldau
import MoldauClusterKafka
import MoldauRecords
import ProgramSupport
import Testing

/// Word count in several processes, on a broker in another one.
struct SeveralProcessesTests {
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
                to: Partition(Int32(number % 4)))
        }
        try writer.close()
    }

    /// Whether these processes have all tasks, each of them once, and evenly distributed.
    private static func share(_ workers: [Worker]) -> Bool {
        let counts = workers.map(\.tasks.count)
        return workers.allSatisfy(\.isRunning) && workers.flatMap(\.tasks).sorted() == allTasks
            && (counts.max() ?? 0) - (counts.min() ?? 0) <= 1
    }

    private func told(_ workers: [Worker]) -> Comment {
        Comment(rawValue: workers.map { "\($0.name): \($0.history.suffix(4))\n\($0.log.suffix(1_500))" }.joined())
    }

    @Test func `tasks and their state move to new processes, and back from those that stop`() async throws {
        try await withBrokerProcess(topics: ["lines": 4, "counts": 1]) { broker in
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

    @Test func `a standby takes over from a killed process, and every record is counted once`() async throws {
        try await withBrokerProcess(topics: ["lines": 4, "counts": 1]) { broker in
            let cluster = try broker.cluster()
            let reader = try CountReader("counts", partitions: 1, on: cluster)
            let options = ["--exactly-once", "--standbys", "1"]
            let workers = [try Worker("a", on: broker, options), try Worker("b", on: broker, options)]
            try Self.write(to: cluster)
            #expect(try reader.reach(Self.counts(1)), told(workers))
            #expect(waitUntil { Self.share(workers) && workers.allSatisfy { $0.standbys.count == 2 } }, told(workers))
            let copies = workers[1].standbys
            try workers[0].kill()
            try Self.write(to: cluster)
            #expect(try reader.reach(Self.counts(2)), told(workers))
            #expect(waitUntil { Self.share([workers[1]]) }, told(workers))
            #expect(copies == workers[0].tasks.filter { $0.hasPrefix("1_") })
            #expect(reader.recordCount == 2 * 3 * Self.texts.count)
            #expect(!workers[1].log.contains("restored counts"), told(workers))
        }
    }

    @Test func `static members restart one after the other without moving tasks`() async throws {
        try await withBrokerProcess(topics: ["lines": 4, "counts": 1]) { broker in
            let cluster = try broker.cluster()
            let reader = try CountReader("counts", partitions: 1, on: cluster)
            func start(_ name: String) throws -> Worker {
                try Worker(name, on: broker, ["--instance", name, "--host", "host-\(name)"])
            }
            var workers = [try start("a"), try start("b")]
            #expect(waitUntil { Self.share(workers) }, told(workers))
            try Self.write(to: cluster)
            #expect(try reader.reach(Self.counts(1)), told(workers))
            let before = workers.map(\.tasks)
            #expect(workers.allSatisfy { $0.hosts == ["host-a=4", "host-b=4"] }, told(workers))
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

    @Test func `tasks that a killed member had not released move to others after its restart`() async throws {
        try await withBrokerProcess(topics: ["lines": 4, "counts": 1]) { broker in
            let cluster = try broker.cluster()
            let reader = try CountReader("counts", partitions: 1, on: cluster)
            func start(_ name: String) throws -> Worker {
                try Worker(name, on: broker, ["--exactly-once", "--instance", name, "--host", "host-\(name)"])
            }
            let hold = broker.directory.appending(path: "wait")
            try Data().write(to: hold)
            var workers = [try start("a")]
            #expect(waitUntil { Self.share(workers) }, told(workers))
            let writer = try TopicWriter(Topic<String, String>("lines"), on: cluster)
            try writer.write(Record(key: "0", value: "wait", timestamp: Timestamp(ms: 1_000)), to: Partition(0))
            try writer.close()
            workers.append(try start("b"))
            // The tasks are assigned, and the first process still has to release half of them.
            #expect(waitUntil { workers[1].hosts == ["host-a=4", "host-b=0"] }, told(workers))
            try workers[0].kill()
            try FileManager.default.removeItem(at: hold)
            workers[0] = try start("a")
            #expect(waitUntil { Self.share(workers) }, told(workers))
            try Self.write(to: cluster)
            #expect(try reader.reach(Self.counts(1).merging(["wait": 1]) { $1 }), told(workers))
        }
    }

    @Test func `a process that hung for too long drops its work, and gets a new assignment`() async throws {
        try await withBrokerProcess(topics: ["lines": 4, "counts": 1]) { broker in
            let cluster = try broker.cluster()
            let reader = try CountReader("counts", partitions: 1, on: cluster)
            let workers = try ["a", "b"].map { try Worker($0, on: broker, ["--exactly-once"]) }
            try Self.write(to: cluster)
            #expect(try reader.reach(Self.counts(1)), told(workers))
            #expect(waitUntil { Self.share(workers) }, told(workers))
            workers[0].hang(true)
            #expect(waitUntil { workers[1].tasks == Self.allTasks }, told(workers))
            // The process still believes that it owns half of these.
            try Self.write(to: cluster)
            workers[0].hang(false)
            #expect(try reader.reach(Self.counts(2)), told(workers))
            #expect(waitUntil { Self.share(workers) }, told(workers))
            #expect(workers[0].log.contains("was removed from its group"), told(workers))
            try Self.write(to: cluster)
            #expect(try reader.reach(Self.counts(3)), told(workers))
            #expect(reader.recordCount == 3 * 3 * Self.texts.count)
        }
    }

    /// How many processes are killed: `CLUSTER_KILLS` in the environment, or a few.
    private static let kills = ProcessInfo.processInfo.environment["CLUSTER_KILLS"].flatMap(Int.init) ?? 3

    @Test func `processes are killed repeatedly at any moment, and every record is counted once`() async throws {
        try await withBrokerProcess(topics: ["lines": 4, "counts": 1]) { broker in
            let cluster = try broker.cluster()
            let reader = try CountReader("counts", partitions: 1, on: cluster)
            var random = SeededGenerator(seed: UInt64(Self.kills))
            func start(_ number: Int) throws -> Worker {
                // A process that returns within its session timeout resumes at once.
                try Worker("\(number)", on: broker, ["--exactly-once", "--instance", "\(number)"])
            }
            var workers = try (0..<3).map(start)
            var rounds: Int64 = 0
            for kill in 1...Self.kills {
                try Self.write(to: cluster)
                rounds += 1
                usleep(UInt32.random(in: 0...400_000, using: &random))
                let number = Int.random(in: workers.indices, using: &random)
                try workers[number].kill()
                workers[number] = try start(number)
                guard kill % 5 == 0 || kill == Self.kills else { continue }
                let isReached = try reader.reach(Self.counts(Int(rounds)))
                #expect(isReached, told(workers))
                if !isReached { return }
            }
            #expect(reader.recordCount == Int(rounds) * 3 * Self.texts.count)
        }
    }
}
