import MoldauRecords

@testable import MoldauState

/// A changelog record of a store.
struct Change {
    let key: [UInt8]
    let value: [UInt8]?
    let timestamp: Timestamp?
}

/// The records that a store emits for its changelog.
func changes(of store: any StateStore) throws -> [Change] {
    var changes: [Change] = []
    try store.drainChanges { key, value, timestamp in
        changes.append(Change(key: Array(key), value: value.map { Array($0) }, timestamp: timestamp))
    }
    return changes
}

func hex(_ bytes: [UInt8]) -> String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }

extension TestTask {
    /// A new store that was restored from these changes.
    @discardableResult
    func restored(from changes: [Change], into definition: StoreDefinition) throws -> any StateStore {
        let store = try definition.open(in: environment)
        for change in changes {
            try store.restore(key: change.key, value: change.value, timestamp: change.timestamp ?? .none)
        }
        try store.restored(upTo: Offset(Int64(changes.count)))
        return store
    }
}

extension StateStore {
    func restore(key: [UInt8], value: [UInt8]?, timestamp: Timestamp) throws {
        try key.withUnsafeBytes { key in
            guard let value else { return try restore(key: key, value: nil, timestamp: timestamp) }
            try value.withUnsafeBytes { try restore(key: key, value: $0, timestamp: timestamp) }
        }
    }
}
