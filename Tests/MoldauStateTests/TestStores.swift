import Foundation
import MoldauRecords

@testable import MoldauState

/// A directory that is deleted at the end of the test.
final class TemporaryDirectory {
    let path: String

    init() {
        path = FileManager.default.temporaryDirectory.path + "/moldau-state-" + UUID().uuidString
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A task's stores, which can be closed and opened again.
final class TestTask {
    let directory = TemporaryDirectory()
    let memory: StateMemory
    var environment: StoreEnvironment

    init(memory: StateMemory = StateMemory(budgetBytes: 16 << 20)) {
        self.memory = memory
        environment = StoreEnvironment(directory: directory.path, memory: memory)
    }

    deinit { environment.close() }

    func reopen() {
        environment.close()
        environment = StoreEnvironment(directory: directory.path, memory: memory)
    }

    func bytes(_ kind: StoreKind, _ name: String = "bytes", isLogged: Bool = true) throws -> CachedByteStore {
        try environment.cache(for: StoreDefinition(bytesName(name), kind: kind, isLogged: isLogged))
    }

    func keyValue<Key, Value>(
        _ name: KeyValueStoreName<Key, Value>, _ kind: StoreKind = .rocksDB
    ) throws -> KeyValueStore<Key, Value> {
        try StoreDefinition(name, kind: kind).open(in: environment) as! KeyValueStore<Key, Value>
    }

    func timestamped<Key, Value>(
        _ name: TableStoreName<Key, Value>, _ kind: StoreKind = .rocksDB
    ) throws -> TimestampedKeyValueStore<Key, Value> {
        try StoreDefinition(name, kind: kind).open(in: environment)
            as! TimestampedKeyValueStore<Key, Value>
    }
}

extension TestTask {
    func versioned<Key, Value>(
        _ name: VersionedStoreName<Key, Value>, _ kind: StoreKind = .rocksDB
    ) throws -> VersionedKeyValueStore<Key, Value> {
        try StoreDefinition(name, kind: kind).open(in: environment)
            as! VersionedKeyValueStore<Key, Value>
    }
}

func bytesName(_ name: String) -> KeyValueStoreName<[UInt8], [UInt8]> { KeyValueStoreName(name) }

extension StateStore {
    /// Drains the changes, and confirms the commit.
    func commit(changelogEnd: Int64? = nil, positions: [TopicPartition: Offset] = [:], store: Bool = false) throws {
        try drainChanges { _, _, _ in }
        committed(changelogEnd: changelogEnd.map { Offset($0) }, positions: positions)
        try writeBehind(force: store)
    }
}

extension CachedByteStore {
    func rows(_ keys: [[UInt8]], from first: Int = 0, maxReads: Int) throws -> [[UInt8]?] {
        var (strings, found) = (ByteStrings(), [[UInt8]?]())
        for key in keys { key.withUnsafeBytes { strings.append($0) } }
        try rows(of: strings, from: first, maxReads: maxReads).forEach { found.append($0.map { Array($0) }) }
        return found
    }

    func put(_ key: [UInt8], _ value: [UInt8]?) throws {
        try key.withUnsafeBytes { key in
            guard let value else { return try put(key, nil) }
            try value.withUnsafeBytes { try put(key, $0) }
        }
    }

    func value(_ key: [UInt8]) throws -> [UInt8]? {
        try key.withUnsafeBytes { key in try get(key).map { Array($0) } }
    }

    func restore(_ key: [UInt8], _ value: [UInt8]?) throws {
        try key.withUnsafeBytes { key in
            guard let value else { return try restore(key, nil) }
            try value.withUnsafeBytes { try restore(key, $0) }
        }
    }

    func drained() throws -> [Entry] {
        var changes: [Entry] = []
        try drainChanges { key, value in changes.append(Entry(Array(key), value.map { Array($0) })) }
        return changes
    }

    func scanned(_ range: KeyRange = .all, reverse: Bool = false) throws -> [Entry] {
        let cursor = try scan(range, reverse: reverse)
        var entries: [Entry] = []
        while try cursor.next() { entries.append(Entry(Array(cursor.key), Array(cursor.value))) }
        return entries
    }

    func commitAll(changelogEnd: Int64? = nil, store: Bool = false) throws {
        try drainChanges { _, _ in }
        committed(changelogEnd: changelogEnd.map { Offset($0) }, positions: [:])
        try writeBehind(force: store)
    }
}

struct Entry: Equatable, CustomStringConvertible {
    var key: [UInt8]
    var value: [UInt8]?

    init(_ key: [UInt8], _ value: [UInt8]?) {
        self.key = key
        self.value = value
    }

    var description: String { "\(key)=\(value.map { "\($0.count) bytes \($0.prefix(4))" } ?? "none")" }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
