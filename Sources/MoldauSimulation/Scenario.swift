import Logging
import Moldau
import MoldauLog
import MoldauRuntime

/// The properties of a run, all derived from its seed.
struct Scenario: Sendable, CustomStringConvertible {
    enum Fault: String, CaseIterable, Sendable {
        case powerLoss, processDeath, cleanRestart, threadDeath, pause, failedSync, fullDisk, longWait
        /// The wall clock is set, hours forward or back.
        case clockSet
        /// The application restarts with another form of the topology.
        case changedTopology
        case stateLost
        /// The cluster's directory is lost, but the application's state is not.
        case clusterLost
        /// The topic of a global table is deleted and recreated.
        case topicMadeAgain
        /// Closures take longer than a transaction may.
        case slowClosures
        /// Much input is fed before any of it is processed.
        case backlog

        /// The faults that every run may have; only a part of the runs have others as well.
        static let usual = Array(allCases.prefix { $0 != .clockSet })
        static let others = allCases.filter { !usual.contains($0) }
    }

    /// Where files are stored.
    enum Place: String, Sendable {
        /// In memory, with the losses that disks have.
        case simulated
        /// In real directories, by RocksDB and the operating system.
        case real
    }

    let workload: Workload
    let guarantee: ProcessingGuarantee
    let durability: Durability
    /// Whether the join's table uses its input topic as its changelog.
    let options: TopologyOptions
    let threads: Int
    let partitions: Int32
    let steps: Int
    /// Whether records are fed in transactions, some of which are aborted.
    let feedsTransactions: Bool
    let faults: [Fault]
    /// The average number of steps between two faults.
    let stepsPerFault: Int
    let sectorBytes: Int
    let segmentBytes: Int
    let batchBytes: Int
    let recordsPerTurn: Int
    let commitIntervalMs: Int
    /// Whether transactions may take as long as configured by default, and commits are far apart.
    let commitsRarely: Bool
    let writeBehindIntervalMs: Int

    /// The average number of steps between two changes of the set of threads; nil: it never changes.
    let stepsPerHandOver: Int?
    /// The number of copies of each task's stores.
    let standbys: Int

    /// Whether the cluster retains the changelogs of windows regardless of the wall clock.
    let keepsWindowsLong: Bool
    /// The name of retention in the list of features to leave out.
    static let retention = "retention"

    let form: TopologyForm
    /// The timestamp of the first record.
    let eventStartMs: Int64
    /// What the wall clock shows at the start.
    let clockStartMs: Int64
    /// The number of words to count.
    let words: Int
    /// Whether the results of compaction are checked.
    let checksCompaction: Bool
    let statePlace: Place
    let filePlace: Place

    /// - Parameters:
    ///   - handOvers: decides when threads are added and removed.
    ///   - others: decides about the newer features of the simulator, so that runs without them stay the same.
    ///   - isReal: whether state and files are always real.
    ///   - without: the names of faults and workloads to leave out.
    init(_ chance: Chance, handOvers: Chance, others: Chance, isReal: Bool, without: Set<String>) {
        let usual = chance.pick(Workload.usual)
        let isUsual = others.oneIn(3)
        let drawn = isUsual || others.oneIn(3) ? usual : others.pick(Workload.others)
        workload = without.contains(drawn.rawValue) ? usual : drawn
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
        let usualFaults = Fault.usual.filter { _ in chance.oneIn(2) }
        stepsPerFault = chance.within(15...100)
        sectorBytes = chance.pick([512, 4_096])
        segmentBytes = chance.pick([600, 2_000, 16_000])
        batchBytes = chance.pick([120, 1_000, 64 << 10])
        recordsPerTurn = chance.pick([1, 3, 1_000])
        commitIntervalMs = chance.pick([5, 30, 100])
        writeBehindIntervalMs = chance.pick([10, 100, 1_000])
        stepsPerHandOver = handOvers.oneIn(2) ? handOvers.within(15...100) : nil
        standbys = handOvers.pick([0, 0, 1, 2])
        let otherFaults = isUsual ? [] : Fault.others.filter { _ in others.oneIn(3) }
        faults = (usualFaults + otherFaults).filter { !without.contains($0.rawValue) }
        form = isUsual ? TopologyForm() : others.pick(workload.forms)
        (eventStartMs, clockStartMs) = isUsual ? (1_000_000, 10_000_000) : Self.times(others)
        words = !isUsual && others.oneIn(3) ? 3_000 : 7
        keepsWindowsLong = without.contains(Self.retention)
        checksCompaction = !isUsual
        commitsRarely = !isUsual && others.oneIn(8)
        statePlace = isReal || !isUsual && others.oneIn(10) ? .real : .simulated
        filePlace = isReal || !isUsual && others.oneIn(10) ? .real : .simulated
    }

    /// The records' timestamps are independent of the wall clock.
    private static func times(_ others: Chance) -> (events: Int64, clock: Int64) {
        let events = [1_000_000, 1_577_836_800_000, 1_800_000_000_000, 4_102_444_800_000, Int64.max - 100_000_000]
        return (others.pick(events), others.pick([1_000_000_000, 1_800_000_000_000]))
    }

    /// Whether some records may be close to the wall clock's present and others in its future.
    var hasFutureEvents: Bool { eventStartMs == clockStartMs }

    /// How much later the last records are: so much that all windows have closed.
    var finalStepMs: Int64 { 100_000 + (workload.forms.map(\.graceMs).max() ?? 0) }

    /// Logs nothing: the trace contains the events.
    static let logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }

    static let transactionTimeoutMs = 5_000
    /// How long closures may take.
    static let longestSlownessMs = 3 * transactionTimeoutMs
    /// Longer than that, and longer than transactions usually may take.
    private static let rareCommitMs = 12_000

    /// Transactions that are open for longer are aborted.
    var longestTransactionMs: Int { commitsRarely ? 3 * Self.rareCommitMs : Self.transactionTimeoutMs }

    var configuration: StreamsConfiguration {
        var configuration = StreamsConfiguration()
        configuration.guarantee = guarantee
        configuration.commitInterval = .milliseconds(commitsRarely ? Self.rareCommitMs : commitIntervalMs)
        if !commitsRarely { configuration.transactionTimeout = .milliseconds(Self.transactionTimeoutMs) }
        if keepsWindowsLong { configuration.windowChangelogExtraRetention = .seconds(Int64.max / 1_000_000) }
        configuration.writeBehindInterval = .milliseconds(writeBehindIntervalMs)
        configuration.batchBytes = batchBytes
        configuration.recordsPerTurn = recordsPerTurn
        configuration.streamThreads = threads
        configuration.standbys = standbys
        configuration.logger = Self.logger
        return configuration
    }

    var description: String {
        "\(workload), \(options.optimizations.map { "\($0), " }.joined())\(guarantee), \(durability), \(threads) threads, \(partitions) partitions, "
            + "\(feedsTransactions ? "fed in transactions, " : "")faults \(faults.map(\.rawValue)) "
            + "\(standbys > 0 ? "\(standbys) copies, " : "")"
            + "\(form.description), events from \(eventStartMs) on, the clock from \(clockStartMs) on, \(words) words, "
            + "\(commitsRarely ? "rare commits, " : "")\(statePlace) state, \(filePlace) files, "
            + "\(stepsPerHandOver.map { "threads come and go each \($0) steps, " } ?? "")"
            + "each \(stepsPerFault) of \(steps) steps, sectors of \(sectorBytes), segments of \(segmentBytes)"
    }
}
