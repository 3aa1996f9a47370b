import Logging
import Moldau
import MoldauLog
import MoldauRuntime

/// What a seed makes of a run.
struct Scenario: Sendable, CustomStringConvertible {
    enum Fault: String, CaseIterable, Sendable {
        case powerLoss, processDeath, cleanRestart, threadDeath, pause, failedSync, fullDisk, longWait
    }

    let workload: Workload
    let guarantee: ProcessingGuarantee
    let durability: Durability
    /// Whether the join's table has its input for a changelog.
    let options: TopologyOptions
    let threads: Int
    let partitions: Int32
    let steps: Int
    /// Whether records are fed in transactions, some of which are aborted.
    let feedsTransactions: Bool
    let faults: [Fault]
    /// About so many steps lie between two faults.
    let stepsPerFault: Int
    let sectorBytes: Int
    let segmentBytes: Int
    let batchBytes: Int
    let recordsPerTurn: Int
    let commitIntervalMs: Int
    let writeBehindIntervalMs: Int

    /// About so many steps lie between a thread's coming or going and the next; nil: none comes or goes.
    let stepsPerHandOver: Int?
    /// Copies of each task's stores.
    let standbys: Int

    init(_ chance: Chance, handOvers: Chance) {
        workload = chance.pick(Workload.allCases)
        guarantee = chance.oneIn(3) ? .atLeastOnce : .exactlyOnce
        durability =
            switch chance.below(8) {
            case 0: .os
            case 1, 2: .interval(.milliseconds(chance.within(10...300)))
            default: .sync
            }
        var options = TopologyOptions()
        if chance.oneIn(2) { options.optimizations = [.reuseSourceTopics] }
        self.options = options
        threads = chance.within(1...3)
        partitions = Int32(chance.within(1...4))
        steps = chance.within(80...400)
        feedsTransactions = chance.oneIn(2)
        faults = Fault.allCases.filter { _ in chance.oneIn(2) }
        stepsPerFault = chance.within(15...100)
        sectorBytes = chance.pick([512, 4_096])
        segmentBytes = chance.pick([600, 2_000, 16_000])
        batchBytes = chance.pick([120, 1_000, 64 << 10])
        recordsPerTurn = chance.pick([1, 3, 1_000])
        commitIntervalMs = chance.pick([5, 30, 100])
        writeBehindIntervalMs = chance.pick([10, 100, 1_000])
        stepsPerHandOver = handOvers.oneIn(2) ? handOvers.within(15...100) : nil
        standbys = handOvers.pick([0, 0, 1, 2])
    }

    static let transactionTimeoutMs = 5_000

    var configuration: StreamsConfiguration {
        var configuration = StreamsConfiguration()
        configuration.guarantee = guarantee
        configuration.transactionTimeout = .milliseconds(Self.transactionTimeoutMs)
        configuration.commitInterval = .milliseconds(commitIntervalMs)
        configuration.writeBehindInterval = .milliseconds(writeBehindIntervalMs)
        configuration.batchBytes = batchBytes
        configuration.recordsPerTurn = recordsPerTurn
        configuration.streamThreads = threads
        configuration.standbys = standbys
        configuration.logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
        return configuration
    }

    var description: String {
        "\(workload), \(options.optimizations.map { "\($0), " }.joined())\(guarantee), \(durability), \(threads) threads, \(partitions) partitions, "
            + "\(feedsTransactions ? "fed in transactions, " : "")faults \(faults.map(\.rawValue)) "
            + "\(standbys > 0 ? "\(standbys) copies, " : "")"
            + "\(stepsPerHandOver.map { "threads come and go each \($0) steps, " } ?? "")"
            + "each \(stepsPerFault) of \(steps) steps, sectors of \(sectorBytes), segments of \(segmentBytes)"
    }
}
