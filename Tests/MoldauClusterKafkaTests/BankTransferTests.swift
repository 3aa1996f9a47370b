import Foundation
import Moldau
import MoldauClusterKafka
import MoldauRecords
import ProgramSupport
import Testing

/// Money moves between accounts in several processes, on a broker in another one. All of them are killed.
struct BankTransferTests {
    /// The transfers so far.
    private struct Ledger {
        private static let accountCount = 40
        private static let partitionCount: Int32 = 3

        private var random: SeededGenerator
        private(set) var balances: [String: Int64] = [:]
        private(set) var count = 0

        init(seed: UInt64) { random = SeededGenerator(seed: seed) }

        mutating func transfer(_ more: Int, on cluster: any Cluster) throws {
            let writer = try TopicWriter(Topic<String, String>("transfers"), on: cluster)
            for _ in 0..<more {
                let accounts = (0..<2).map { _ in "\(Int.random(in: 0..<Self.accountCount, using: &random))" }
                let cents = Int64.random(in: 1...100_000, using: &random)
                balances[accounts[0], default: 0] -= cents
                balances[accounts[1], default: 0] += cents
                try writer.write(
                    Record(
                        key: "\(count)", value: "\(accounts[0]) \(accounts[1]) \(cents)",
                        timestamp: Timestamp(ms: Int64(1_000 + count))),
                    to: Partition(Int32(count) % Self.partitionCount))
                count += 1
            }
            try writer.close()
        }
    }

    /// How often something is killed: `CLUSTER_KILLS` in the environment, or a few times.
    private static let kills = ProcessInfo.processInfo.environment["CLUSTER_KILLS"].flatMap(Int.init) ?? 4

    @Test func `processes and their broker are killed repeatedly, and every cent is accounted for`() async throws {
        try await withBrokerProcess(topics: ["transfers": 3, "balances": 3]) { broker in
            let cluster = try broker.cluster()
            let reader = try CountReader("balances", partitions: 3, on: cluster)
            var random = SeededGenerator(seed: UInt64(Self.kills))
            var ledger = Ledger(seed: UInt64(Self.kills))
            func start(_ number: Int) throws -> Worker {
                let options = ["--program", "bank", "--exactly-once", "--instance", "\(number)"]
                return try Worker("\(number)", on: broker, options)
            }
            var workers = try (0..<3).map(start)
            for kill in 1...Self.kills {
                try ledger.transfer(200, on: cluster)
                usleep(UInt32.random(in: 0...400_000, using: &random))
                if kill.isMultiple(of: 4) {
                    try broker.restart()
                } else {
                    let number = Int.random(in: workers.indices, using: &random)
                    try workers[number].kill()
                    workers[number] = try start(number)
                }
                guard kill.isMultiple(of: 5) || kill == Self.kills else { continue }
                let isReached = try reader.reach(ledger.balances)
                #expect(isReached, "\(workers.map { "\($0.history.suffix(4))\n\($0.log.suffix(1_500))" })")
                if !isReached { return }
            }
            // A balance for each movement, in order, and none twice.
            #expect(reader.recordCount == 2 * ledger.count)
            #expect(reader.counts.values.reduce(0, +) == 0)
        }
    }
}
