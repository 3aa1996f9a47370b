import MoldauBroker
import MoldauRecords
import MoldauState

/// The committed records of changelogs, in the order of their offsets: records that compaction removes are retained
/// here.
struct ChangelogLedger {
    struct Entry {
        let offset: Offset
        let key: [UInt8]
        let value: [UInt8]?
        let timestamp: Timestamp
    }

    private struct Changelog {
        var entries: [Entry] = []
        /// The end of the known records.
        var end = Offset.zero
    }

    private var changelogs: [TopicPartition: Changelog] = [:]

    /// Adds the records that were committed since the last call.
    mutating func follow(_ name: TopicPartition, of broker: Broker<SimulatedDisk>) throws {
        var changelog = changelogs.removeValue(forKey: name) ?? Changelog()
        defer { changelogs[name] = changelog }
        guard try broker.partition(name).bounds().upperBound > changelog.end else { return }
        changelog.end = try broker.forEachRecord(of: name, from: changelog.end) { changelog.entries.append(Entry($0)) }
    }

    /// Removes the records that a changelog lost at its end in a crash: written, but not acknowledged yet. Other
    /// records get their offsets.
    mutating func cut(_ name: TopicPartition, of broker: Broker<SimulatedDisk>) throws {
        guard var changelog = changelogs.removeValue(forKey: name) else { return }
        changelog.end = min(changelog.end, try broker.partition(name).bounds().upperBound)
        changelog.entries.removeAll { $0.offset >= changelog.end }
        changelogs[name] = changelog
    }

    /// Called when the topic was deleted and recreated.
    mutating func forget(topic: String) { changelogs = changelogs.filter { $0.key.topic != topic } }

    func end(of name: TopicPartition) -> Offset { changelogs[name]?.end ?? .zero }

    func entries(of name: TopicPartition) -> [Entry] { changelogs[name]?.entries ?? [] }

    /// Returns complaints if a changelog has lost the last value that a key had below `end`, unless a later value of
    /// the key has replaced it.
    func losses(of name: TopicPartition, below end: Offset, from broker: Broker<SimulatedDisk>) throws -> [String] {
        var held: [[UInt8]: Entry] = [:]
        try broker.forEachRecord(of: name) { record in
            let entry = Entry(record)
            held[entry.key] = entry
        }
        var last: [[UInt8]: Entry] = [:]
        for entry in entries(of: name) where entry.offset < end { last[entry.key] = entry }
        return last.values.sorted(on: \.offset).compactMap { entry in
            // Compaction may remove deletions.
            guard let value = entry.value else { return nil }
            if let found = held[entry.key],
                found.offset > entry.offset || found.offset == entry.offset && found.value == value
            {
                return nil
            }
            return "a query showed the value at \(entry.offset) of \(name), which is lost"
        }
    }
}

extension ChangelogLedger.Entry {
    fileprivate init(_ record: RecordView) {
        self.init(
            offset: record.offset, key: record.key.map { Array($0) } ?? [], value: record.value.map { Array($0) },
            timestamp: record.timestamp)
    }
}

/// A store that is restored from a ledger, to compare answers with.
final class LedgerStore {
    private let store: any StateStore
    private var count = 0
    /// The first offset that the store does not contain.
    private(set) var end = Offset.zero

    init(_ definition: StoreDefinition) throws {
        store = try definition.open(in: StoreEnvironment(inMemory: StateMemory(budgetBytes: 1 << 20)))
        if definition.closingMs != nil { (store as? any ExpiringStore)?.keptFrom = 0 }
    }

    deinit { try? store.close() }

    /// - Precondition: `end` is not before the present one.
    func restore(_ entries: [ChangelogLedger.Entry], upTo end: Offset) throws {
        precondition(end >= self.end, "a store is not restored backwards")
        while count < entries.count, entries[count].offset < end {
            let entry = entries[count]
            try entry.key.withUnsafeBytes { key in
                guard let value = entry.value else {
                    return try store.restore(key: key, value: nil, timestamp: entry.timestamp)
                }
                try value.withUnsafeBytes { try store.restore(key: key, value: $0, timestamp: entry.timestamp) }
            }
            count += 1
        }
        self.end = end
        try store.restored(upTo: end)
    }

    func rows(_ key: [UInt8]?) throws -> StoreRows { try store.rows(key, .newest) }

    var metadata: StoreMetadata { (store as? any CacheBackedStore)?.cache.metadata ?? StoreMetadata() }
}

/// Entries of a store, as bytes.
typealias StoreRows = [[UInt8]: [UInt8]]

extension StateStore {
    /// The entry of a key, or all entries; empty for a store without a cache.
    func rows(_ key: [UInt8]?) throws -> StoreRows {
        guard let cache = (self as? any CacheBackedStore)?.cache else { return [:] }
        var rows: StoreRows = [:]
        if let key {
            rows[key] = try key.withUnsafeBytes { try cache.get($0).map { Array($0) } }
            return rows
        }
        let cursor = try cache.scan(.all)
        while try cursor.next() { rows[Array(cursor.key)] = Array(cursor.value) }
        return rows
    }

    /// The same as a query sees it.
    func rows(_ key: [UInt8]?, _ view: StoreView) throws -> StoreRows {
        try (self as? any CacheBackedStore)?.cache.queried(view) { try rows(key) } ?? [:]
    }
}
