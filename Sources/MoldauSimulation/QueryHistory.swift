// Readers query the stores of a run all the time, and record the answers. An answer is compared with the changelog,
// which no longer changes up to the answer's position:
//
//     fresh   from the task itself: the result of the changelog's committed records, at the application's committed
//             position
//     stale   from a copy, or a store that is being restored: the result of the changelog up to where the lag begins;
//             if compaction has removed a record, its key may still have an earlier value
//
// A global table is a copy of its topic, of which each thread has its own. The thread with the lowest number is
// queried, and its answer is the result of the topic up to the answer's position.
//
// A reader never gets an older state than before, unless the answer is marked as stale. For a global table that holds
// for the copy of one thread; for others the reader requests the position that it knows. No crash loses changelog
// records that a reader has seen. With at-least-once all of this holds as well: a committed value is in the
// acknowledged changelog. But after a crash that may contain results of records after the committed position, which are
// then processed again; so there, a position does not determine which records are in a value.
//
// If acknowledged records may be lost (durabilities other than `.sync`), the readers stop permanently.

import MoldauBroker
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology

/// The queries of a run's readers, and the checks of the answers.
final class QueryHistory {
    private struct Reader {
        var isWaiting = false
        /// The position of the last answer of each copy.
        var seen: [Copy: [TopicPartition: Offset]] = [:]
        /// The greatest position that it has received, by changelog.
        var known: [TopicPartition: [TopicPartition: Offset]] = [:]
    }

    /// The source of an answer.
    private struct Copy: Hashable {
        let changelog: TopicPartition
        /// The thread of a global table's copy; nil: the task's store, wherever it is.
        let thread: Int?
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
    /// How far readers have seen each changelog.
    private var shown: [TopicPartition: Offset] = [:]
    private var box = ReplyBox()
    /// Answers from steps that failed later, and whether the thread's previous commit was half done.
    private var early: [(reply: Reply, isHalfDone: Bool)] = []
    private var hasEnded = false
    /// Whether compaction may have removed records.
    var hasCompacted = false

    init(_ chance: Chance, _ disk: SimulatedDisk, _ clock: SimulatedClock, _ trace: SimulationTrace) {
        (self.chance, self.disk, self.clock, self.trace) = (chance, disk, clock, trace)
    }

    /// Called when the guarantees no longer hold.
    func end() { hasEnded = true }

    /// Called when the cluster was replaced by a new, empty one.
    func forget() {
        (ledger, restored, shown, box, hasCompacted) = (ChangelogLedger(), [:], [:], ReplyBox(), false)
        early = []
        readers = Array(repeating: Reader(), count: Self.readerCount)
    }

    /// Called when a topic was deleted and recreated.
    func forget(topic: String) {
        ledger.forget(topic: topic)
        (restored, shown) = (restored.filter { $0.key.topic != topic }, shown.filter { $0.key.topic != topic })
        for number in readers.indices {
            readers[number].seen = readers[number].seen.filter { $0.key.changelog.topic != topic }
            readers[number].known = readers[number].known.filter { $0.key.topic != topic }
        }
    }

    /// Called when a process has started.
    /// - Returns: complaints about changelog records that readers have seen and that are lost.
    func began(_ process: SimulatedProcess) throws -> [String] {
        if hasEnded { return [] }
        // The stores may have a different form now.
        restored = [:]
        // These answers are from the end of the previous process, whose last commit may be half done.
        early += box.takeAll().map { ($0, true) }
        let complaints = try disk.unobserved {
            try process.askedStores.flatMap { store in
                try store.changelogs.flatMap { changelog in
                    let losses =
                        store.isWindowed
                        ? [] : try ledger.losses(of: changelog, below: shown[changelog] ?? .zero, from: process.broker)
                    try ledger.cut(changelog, of: process.broker)
                    return losses
                }
            }
        }
        return try complaints + check(process)
    }

    // MARK: Questions

    /// Makes a reader send a query, from time to time.
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
        var changelog = chance.pick(store.changelogs)
        let entries = ledger.entries(of: changelog)
        let key = store.isTable && chance.oneIn(2) && !entries.isEmpty ? chance.pick(entries).key : nil
        if store.isGlobal { changelog = store.changelogs[0] }
        // A reader that does not know about partitions finds a key only if producers chose its partition by it.
        let isByKey = key.map { store.placement.partition(ofKey: $0) == changelog.partition } ?? false
        // From time to time a key is queried in the wrong partition.
        if key != nil, !store.isGlobal, chance.oneIn(4) { changelog = chance.pick(store.changelogs) }
        let isAtHome = isByKey && ledger.entries(of: changelog).contains { $0.key == key }
        var inquiry = Inquiry(reader: reader, store: store.definition.name, changelog: changelog, key: key)
        if !store.isGlobal, !isAtHome || chance.oneIn(2) { inquiry.options.partition = changelog.partition }
        inquiry.options.allowsStale = chance.oneIn(3)
        if chance.oneIn(3) { inquiry.options.atLeast = readers[reader].known[changelog] ?? [:] }
        return inquiry
    }

    // MARK: Checks

    /// Called when a step has failed. Its thread's earlier answers are checked when the disk is readable again.
    /// - Parameter halfCommitted: the threads whose commits before the step were half done.
    func stepFailed(after halfCommitted: Set<Int>) {
        early += box.takeAll().map { ($0, disk.isFull || halfCommitted.contains($0.thread)) }
    }

    /// Checks the answers that have arrived.
    func check(_ process: SimulatedProcess) throws -> [String] {
        if hasEnded { return [] }
        return try disk.unobserved {
            for store in process.askedStores {
                for changelog in store.changelogs { try ledger.follow(changelog, of: process.broker) }
            }
            // The thread does not know yet how much of its last commit fitted on the disk, or became durable.
            let replies = box.takeAll().map { ($0, process.halfCommitted.contains($0.thread)) }
            defer { early = [] }
            return try (early + replies).flatMap { reply, isHalfDone in
                readers[reply.inquiry.reader].isWaiting = false
                let store = process.askedStores.first { $0.definition.name == reply.inquiry.store }
                guard let store else { return [] as [String] }
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
        let copy = Copy(changelog: changelog, thread: store.isGlobal ? reply.thread : nil)
        var complaints: [String] = []
        // A partition of which nothing was read has no position, or the first one.
        if !isHalfDone, !store.isGlobal,
            answer.position.filter({ $0.value > .zero }) != reply.committed.filter({ $0.value > .zero })
        {
            complaints.append("its position is \(answer.position), and \(reply.committed) is committed")
        }
        let before = readers[inquiry.reader].seen[copy] ?? [:]
        for (partition, offset) in before where answer.position[partition] ?? .zero < offset {
            complaints.append("\(partition) went back from \(offset) to \(answer.position[partition] ?? .zero)")
        }
        for (partition, offset) in inquiry.options.atLeast where answer.position[partition] ?? .zero < offset {
            complaints.append("\(offset) of \(partition) was asked for")
        }
        readers[inquiry.reader].seen[copy] = answer.position
        readers[inquiry.reader].known[changelog, default: [:]].merge(answer.position, uniquingKeysWith: max)
        // A half-done commit affects only the stores of tasks.
        if isHalfDone, !store.isGlobal { return complaints }
        let ends = store.isGlobal ? answer.position : [changelog: reply.changelogEnd]
        shown.merge(ends, uniquingKeysWith: max)
        return try complaints + compare(answer, reply, store, upTo: ends)
    }

    private func stale(
        _ answer: QueryAnswer<StoreRows>, _ reply: Reply, _ store: AskedStore, _ isHalfDone: Bool
    ) throws -> [String] {
        let inquiry = reply.inquiry
        // A global table that is behind its topic knows its position.
        let positions = Dictionary(answer.lag.map { ($0.changelog, $0.position) }) { first, _ in first }
        let lacksAsked = inquiry.options.atLeast.contains { partition, offset in
            offset > (store.isGlobal ? positions[partition] ?? offset : .zero)
        }
        if !inquiry.options.allowsStale || lacksAsked { return ["it is stale"] }
        let changelogs = store.isGlobal ? store.changelogs : [inquiry.changelog]
        guard answer.position.isEmpty, Set(answer.lag.map(\.changelog)).count == answer.lag.count,
            answer.lag.allSatisfy({ $0.store == inquiry.store && changelogs.contains($0.changelog) })
        else { return ["its lag is \(answer.lag), its position \(answer.position)"] }
        if isHalfDone { return [] }
        let ends = Dictionary(uniqueKeysWithValues: answer.lag.map { ($0.changelog, $0.position) })
        return try compare(answer, reply, store, upTo: ends)
    }

    /// Compares an answer with the result of changelogs up to some offsets.
    private func compare(
        _ answer: QueryAnswer<StoreRows>, _ reply: Reply, _ store: AskedStore, upTo ends: [TopicPartition: Offset]
    ) throws -> [String] {
        let ends = ends.sorted(on: \.key)
        for (changelog, end) in ends where ledger.end(of: changelog) < end {
            return ["\(changelog) is lost from \(ledger.end(of: changelog)) on"]
        }
        let restored = try ends.map { try restoredStore(store, $0, upTo: $1) }
        // A key belongs to one partition.
        let made = try restored.reduce(into: StoreRows()) { rows, store in
            rows.merge(try store.rows(reply.inquiry.key)) { $1 }
        }
        var wrong = Set(answer.value.keys).union(made.keys).filter { answer.value[$0] != made[$0] }
        if store.isGlobal {
            // A partition that has caught up is not part of a stale answer.
            let others = store.changelogs.filter { one in !ends.contains { $0.key == one } }
            if !answer.lag.isEmpty {
                wrong.subtract(others.flatMap { ledger.entries(of: $0).map(\.key) })
            }
        }
        if let retention = store.definition.windowRetention {
            // Expired windows are deleted lazily: the answer may lack some, and have others.
            wrong = wrong.filter { key in
                answer.value[key] != nil && !restored.contains { $0.metadata.hasExpired(key, after: retention) }
            }
        }
        if wrong.isEmpty { return [] }
        if hasCompacted, !answer.lag.isEmpty {
            for (changelog, end) in ends {
                let store = try LedgerStore(store.definition)
                let entries = ledger.entries(of: changelog).filter { $0.offset < end }
                for past in [.zero] + entries.map({ $0.offset + 1 }) {
                    try store.restore(entries, upTo: past)
                    wrong = try wrong.filter { try store.rows($0)[$0] != answer.value[$0] }
                }
            }
            if wrong.isEmpty { return [] }
        }
        let first = wrong.min { $0.lexicographicallyPrecedes($1) } ?? []
        return [
            "the value of \(Self.text(first)) is \(Self.text(answer.value[first])), and the changelog up to "
                + "\(ends.map { "\($0.value)" }.joined(separator: ", ")) makes "
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
