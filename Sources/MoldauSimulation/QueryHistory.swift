// Readers ask the stores of a run all the time, and remember what they were told. An answer is compared with the
// changelog, which does not change any more up to the answer's position:
//
//     fresh   from the task itself: what the changelog committed so far makes, at the application's committed position
//     stale   from a copy, or a store that is being restored: what the changelog makes up to where the lag begins;
//             if compaction has removed a record, its key may still have an earlier value
//
// A reader is never told of an older state than before, unless the answer is marked as stale. No crash takes from a
// changelog what a reader was shown. With at-least-once all of this holds as well: a committed value is in the
// acknowledged changelog. But after a crash that may contain results of records behind the committed position, which
// are then processed again; so there, a position does not tell which records are in a value.
//
// Where acknowledged records may be lost (other durabilities than `.sync`), the readers stop for good.

import MoldauBroker
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology

/// What readers asked in a run, and the checks of the answers.
final class QueryHistory {
    private struct Reader {
        var isWaiting = false
        /// The position of its last answer, by changelog.
        var seen: [TopicPartition: [TopicPartition: Offset]] = [:]
    }

    private static let readerCount = 4
    private static let stepsPerQuestion = 2

    private let chance: Chance
    private let disk: SimulatedDisk
    private let clock: SimulatedClock
    private let trace: SimulationTrace
    private var readers = Array(repeating: Reader(), count: QueryHistory.readerCount)
    private var ledger = ChangelogLedger()
    /// By changelog.
    private var restored: [TopicPartition: LedgerStore] = [:]
    /// Up to where each changelog was shown to readers.
    private var shown: [TopicPartition: Offset] = [:]
    private var box = ReplyBox()
    private var hasEnded = false
    /// Whether compaction may have removed records.
    var hasCompacted = false

    init(_ chance: Chance, _ disk: SimulatedDisk, _ clock: SimulatedClock, _ trace: SimulationTrace) {
        (self.chance, self.disk, self.clock, self.trace) = (chance, disk, clock, trace)
    }

    /// What was promised no longer holds.
    func end() { hasEnded = true }

    /// The cluster is a new one, with nothing in it.
    func forget() {
        (ledger, restored, shown, box, hasCompacted) = (ChangelogLedger(), [:], [:], ReplyBox(), false)
        readers = Array(repeating: Reader(), count: Self.readerCount)
    }

    /// A process has started.
    /// - Returns: complaints about what the changelogs lost of what readers were shown.
    func began(_ process: SimulatedProcess) throws -> [String] {
        if hasEnded { return [] }
        // The form of the stores may be another one.
        restored = [:]
        let complaints = try disk.unobserved {
            try process.askedStores.flatMap { store in
                try store.placement.tasks.map { store.changelog($0.partition) }.flatMap { changelog in
                    let losses =
                        store.isWindowed
                        ? [] : try ledger.losses(of: changelog, below: shown[changelog] ?? .zero, from: process.broker)
                    try ledger.cut(changelog, of: process.broker)
                    return losses
                }
            }
        }
        // What was answered last comes from a step that failed: a commit may have been half done by then.
        return try complaints + check(process, hasFailed: true)
    }

    // MARK: Questions

    /// Lets a reader ask something, now and then.
    func ask(_ process: SimulatedProcess) {
        guard !hasEnded, chance.oneIn(Self.stepsPerQuestion), !process.askedStores.isEmpty else { return }
        let number = chance.below(readers.count)
        if readers[number].isWaiting { return }
        let inquiry = inquiry(of: number, chance.pick(process.askedStores))
        let deadline = clock.uptime + .milliseconds(chance.below(2_000))
        readers[number].isWaiting =
            (try? process.put(inquiry, deadline: deadline, clock: clock, to: box)) ?? false
    }

    private func inquiry(of reader: Int, _ store: AskedStore) -> Inquiry {
        let partitions = store.placement.tasks.map(\.partition)
        var changelog = store.changelog(chance.pick(partitions))
        let entries = ledger.entries(of: changelog)
        let key = store.isTable && chance.oneIn(2) && !entries.isEmpty ? chance.pick(entries).key : nil
        // A reader that knows nothing of partitions finds a key if producers chose its partition by it.
        let isByKey = key.map { store.placement.partition(ofKey: $0) == changelog.partition } ?? false
        // Now and then a key is looked for where it is not.
        if key != nil, chance.oneIn(4) { changelog = store.changelog(chance.pick(partitions)) }
        let isAtHome = isByKey && ledger.entries(of: changelog).contains { $0.key == key }
        var inquiry = Inquiry(reader: reader, store: store.definition.name, changelog: changelog, key: key)
        if !isAtHome || chance.oneIn(2) { inquiry.options.partition = changelog.partition }
        inquiry.options.allowsStale = chance.oneIn(3)
        if chance.oneIn(3) { inquiry.options.atLeast = readers[reader].seen[changelog] ?? [:] }
        return inquiry
    }

    // MARK: Checks

    /// Checks the answers that have come.
    /// - Parameter hasFailed: whether they come from a step that failed.
    func check(_ process: SimulatedProcess, hasFailed: Bool = false) throws -> [String] {
        if hasEnded { return [] }
        return try disk.unobserved {
            for store in process.askedStores {
                for task in store.placement.tasks {
                    try ledger.follow(store.changelog(task.partition), of: process.broker)
                }
            }
            return try box.takeAll().flatMap { reply in
                readers[reply.inquiry.reader].isWaiting = false
                let store = process.askedStores.first { $0.definition.name == reply.inquiry.store }
                guard let store else { return [] as [String] }
                // The thread does not know yet how much of its last commit found room, or became durable.
                let isHalfDone = hasFailed || process.halfCommitted.contains(reply.thread)
                return try complaints(reply, store, isHalfDone).map { "a query of \(reply.inquiry): \($0)" }
            }
        }
    }

    private func complaints(
        _ reply: Reply, _ store: AskedStore, _ isHalfDone: Bool
    ) throws -> [String] {
        switch reply.result {
        case .success(let answer):
            trace.note("answers", "\(reply.inquiry)", answer.value.count, answer.lag.count)
            let isFresh = answer.lag.isEmpty
            return try isFresh ? fresh(answer, reply, store, isHalfDone) : stale(answer, reply, store, isHalfDone)
        case .failure(is ThreadMailboxError), .failure(QueryError.restoring), .failure(QueryError.timedOut): return []
        case .failure(let error): return ["\(error)"]
        }
    }

    private func fresh(
        _ answer: QueryAnswer<StoreRows>, _ reply: Reply, _ store: AskedStore, _ isHalfDone: Bool
    ) throws -> [String] {
        let (inquiry, changelog) = (reply.inquiry, reply.inquiry.changelog)
        var complaints: [String] = []
        // A partition that nothing was read of has no position, or the first one.
        if !isHalfDone, answer.position.filter({ $0.value > .zero }) != reply.committed.filter({ $0.value > .zero }) {
            complaints.append("its position is \(answer.position), and \(reply.committed) is committed")
        }
        let before = readers[inquiry.reader].seen[changelog] ?? [:]
        for (partition, offset) in before where answer.position[partition] ?? .zero < offset {
            complaints.append("\(partition) went back from \(offset) to \(answer.position[partition] ?? .zero)")
        }
        for (partition, offset) in inquiry.options.atLeast where answer.position[partition] ?? .zero < offset {
            complaints.append("\(offset) of \(partition) was asked for")
        }
        readers[inquiry.reader].seen[changelog] = answer.position
        if isHalfDone { return complaints }
        shown[changelog] = max(shown[changelog] ?? .zero, reply.changelogEnd)
        return try complaints + compare(answer, reply, store, upTo: reply.changelogEnd)
    }

    private func stale(
        _ answer: QueryAnswer<StoreRows>, _ reply: Reply, _ store: AskedStore, _ isHalfDone: Bool
    ) throws -> [String] {
        let inquiry = reply.inquiry
        let asked = inquiry.options.atLeast.contains { $0.value > .zero }
        if !inquiry.options.allowsStale || asked { return ["it is stale"] }
        guard answer.position.isEmpty, answer.lag.count == 1, let lag = answer.lag.first, lag.store == inquiry.store,
            lag.changelog == inquiry.changelog
        else { return ["its lag is \(answer.lag), its position \(answer.position)"] }
        return isHalfDone ? [] : try compare(answer, reply, store, upTo: lag.position)
    }

    /// Compares an answer with what the changelog makes up to an offset.
    private func compare(
        _ answer: QueryAnswer<StoreRows>, _ reply: Reply, _ store: AskedStore, upTo end: Offset
    ) throws -> [String] {
        let changelog = reply.inquiry.changelog
        if ledger.end(of: changelog) < end { return ["the changelog is lost from \(ledger.end(of: changelog)) on"] }
        let restored = try restoredStore(store, changelog, upTo: end)
        let made = try restored.rows(reply.inquiry.key)
        var wrong = Set(answer.value.keys).union(made.keys).filter { answer.value[$0] != made[$0] }
        if let retention = store.definition.windowRetention {
            // Expired windows are deleted lazily: the answer may lack some, and have others.
            wrong = wrong.filter { answer.value[$0] != nil && !restored.metadata.hasExpired($0, after: retention) }
        }
        if wrong.isEmpty { return [] }
        if hasCompacted, !answer.lag.isEmpty {
            let store = try LedgerStore(store.definition)
            let entries = ledger.entries(of: changelog).filter { $0.offset < end }
            for past in [.zero] + entries.map({ $0.offset + 1 }) {
                try store.restore(entries, upTo: past)
                wrong = try wrong.filter { try store.rows($0)[$0] != answer.value[$0] }
            }
            if wrong.isEmpty { return [] }
        }
        let first = wrong.min { $0.lexicographicallyPrecedes($1) } ?? []
        return [
            "the value of \(Self.text(first)) is \(Self.text(answer.value[first])), and the changelog up to \(end) makes "
                + Self.text(made[first])
        ]
    }

    private func restoredStore(
        _ store: AskedStore, _ changelog: TopicPartition, upTo end: Offset
    ) throws -> LedgerStore {
        var made = restored[changelog]
        if made.map({ $0.end > end }) ?? true { made = try LedgerStore(store.definition) }
        guard let made else { preconditionFailure("it was made just now") }
        try made.restore(ledger.entries(of: changelog), upTo: end)
        if made.end >= restored[changelog]?.end ?? .zero { restored[changelog] = made }
        return made
    }

    private static func text(_ bytes: [UInt8]?) -> String {
        bytes.map { String(decoding: $0, as: UTF8.self).debugDescription } ?? "nothing"
    }
}

extension Inquiry: CustomStringConvertible {
    var description: String {
        let of = key.map { String(decoding: $0, as: UTF8.self).debugDescription } ?? "all entries"
        return "\(of) of \(changelog)\(options.partition.map { ", partition \($0)" } ?? "")"
            + "\(options.allowsStale ? ", stale too" : "")\(options.atLeast.isEmpty ? "" : ", not before an earlier answer")"
    }
}
