import Logging
import Moldau
import MoldauLog
import MoldauRuntime

/// What a seed makes of a run.
struct Scenario: Sendable, CustomStringConvertible {
    enum Fault: String, CaseIterable, Sendable {
        case powerLoss, processDeath, cleanRestart, threadDeath, pause, failedSync, fullDisk, longWait
        /// Somebody sets the clock on the wall, hours forward or back.
        case clockSet
        /// The application comes back with a topology of another form.
        case changedTopology
        case stateLost
        /// The cluster's directory is lost, and the application's state is not.
        case clusterLost
        /// The topic of a global table is deleted and made again.
        case topicMadeAgain
        /// Closures take longer than a transaction may.
        case slowClosures
        /// Much is fed before anything of it is processed.
        case backlog

        /// What runs are drawn from first.
        static let usual = Array(allCases.prefix { $0 != .clockSet })
        static let others = allCases.filter { !usual.contains($0) }
    }

    /// Where files lie.
    enum Place: String, Sendable {
        /// In memory, and lost as disks lose them.
        case simulated
        /// In directories of this machine, as RocksDB and the operating system keep them.
        case real
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
    /// Whether the time that a transaction may take is left to the configuration, and commits are far apart.
    let commitsRarely: Bool
    let writeBehindIntervalMs: Int

    /// About so many steps lie between a thread's coming or going and the next; nil: none comes or goes.
    let stepsPerHandOver: Int?
    /// Copies of each task's stores.
    let standbys: Int

    /// Whether the cluster keeps the changelogs of windows whatever the wall shows.
    let keepsWindowsLong: Bool
    /// What stands for retention in a list of what there is to be none of.
    static let retention = "retention"

    let form: TopologyForm
    /// When the first record happened.
    let eventStartMs: Int64
    /// What the clock on the wall shows at first.
    let clockStartMs: Int64
    /// How many words there are to count.
    let words: Int
    /// Whether it is compared what compaction takes.
    let checksCompaction: Bool
    let statePlace: Place
    let filePlace: Place

    /// - Parameters:
    ///   - handOvers: decides about threads that come and go.
    ///   - others: decides about what came to the simulator last: in runs that have nothing of it all else is as it was.
    ///   - isReal: whether state and files are real in any case.
    ///   - without: faults and workloads that there are none of.
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

    /// When events happen has nothing to do with what the wall shows.
    private static func times(_ others: Chance) -> (events: Int64, clock: Int64) {
        let events = [1_000_000, 1_577_836_800_000, 1_800_000_000_000, 4_102_444_800_000, Int64.max - 100_000_000]
        return (others.pick(events), others.pick([1_000_000_000, 1_800_000_000_000]))
    }

    /// Whether some records may be of the present as the wall shows it, and others of its future.
    var hasFutureEvents: Bool { eventStartMs == clockStartMs }

    /// So much later are the last records that all windows are over.
    var finalStepMs: Int64 { 100_000 + (workload.forms.map(\.graceMs).max() ?? 0) }

    /// Says nothing: what happens is in the trace.
    static let logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }

    static let transactionTimeoutMs = 5_000
    /// Longer than that, and than transactions usually may take.
    private static let rareCommitMs = 12_000

    /// What is open for longer is aborted.
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
