import Moldau
import MoldauRecords
import MoldauState
import MoldauTopology

/// The stores of a case that has run.
protocol CaseStores {
    /// - Throws: if there is no such store.
    func store<Store>(_ name: String, as type: Store.Type) throws -> Store
}

extension CaseStores {
    fileprivate func store<Name: StoreName>(_ name: Name) throws -> Name.Store {
        try store(name.name, as: Name.Store.self)
    }
}

/// Compares the stores with the final contents of Kafka Streams' stores.
struct CaseStoreCheck: Sendable {
    let conformanceCase: ConformanceCase
    /// The types of tables' stores.
    let tables: [String: (key: Kind, value: Kind)]
    /// The types of windowed stores.
    let windows: [String: (key: Kind, value: Kind)]

    init(_ conformanceCase: ConformanceCase, _ built: CaseTopology) {
        self.conformanceCase = conformanceCase
        (tables, windows) = (built.storeKinds, built.windowStores)
    }

    /// The first difference.
    func difference(_ stores: any CaseStores) throws -> String? {
        try contentDifference(stores) ?? versionDifference(stores)
    }

    private func contentDifference(_ stores: any CaseStores) throws -> String? {
        for (name, expected) in (conformanceCase.stores ?? [:]).sorted(by: { $0.key < $1.key }) {
            if let rows = try subscriptionRows(stores, store: name) {
                guard rows == expected else { return "store \(name) has \(rows); expected \(expected)" }
                continue
            }
            guard let kinds = tables[name] else {
                if let found = try windowDifference(name, expected, stores) { return found }
                continue
            }
            let store = try stores.store(TableStoreName(name, key: kinds.key.serde, value: kinds.value.serde))
            let rows = try store.all().collect()
            for (row, json) in zip(rows, expected) {
                guard json.count == 3, row.key.matches(json[0]), row.value.value.matches(json[1]),
                    row.value.timestamp.ms == json[2].integer
                else { return "store \(name) has \(row); expected \(json)" }
            }
            if rows.count != expected.count {
                return "store \(name) has \(rows.count) rows; expected \(expected.count)"
            }
        }
        return nil
    }

    private func versionDifference(_ stores: any CaseStores) throws -> String? {
        for lookup in conformanceCase.versionedGets ?? [] {
            guard let fields = lookup.list, fields.count >= 4, let name = fields[0].text, let kinds = tables[name]
            else { return "a versioned look-up that cannot be read: \(lookup)" }
            // The table determines how far back it reaches.
            let store = try stores.store(
                VersionedStoreName(
                    name, key: kinds.key.serde, value: kinds.value.serde, historyRetention: .zero))
            let key = kinds.key.datum(fields[1])
            let found =
                if let time = fields[2].integer { try store.get(key, asOf: Timestamp(ms: time)) } else {
                    try store.get(key)
                }
            let isEqual =
                if fields.count == 4 { found == nil } else {
                    // Kafka Streams' typed store does not return the end of a version.
                    found.map { $0.value.matches(fields[3]) && $0.timestamp.ms == fields[4].integer } ?? false
                }
            if !isEqual { return "a look-up found \(String(describing: found)); expected \(lookup)" }
        }
        return nil
    }

    /// Windows that a window store has but should not have, or lacks. Their order depends on the store's segments,
    /// which differ.
    private func windowDifference(
        _ name: String, _ expected: [[JSONValue]], _ stores: any CaseStores
    ) throws -> String? {
        guard let kinds = windows[name] else {
            throw Unsupported(what: "the contents of store \(name)")
        }
        let store = try stores.store(WindowStoreName(name, key: kinds.key.serde, value: kinds.value.serde))
        let rows = try store.all().collect().map { (key: $0.key.datum, row: $0.value) }
        func isEqual(_ row: (key: Datum, row: ValueAndTimestamp<Datum>), _ json: [JSONValue]) -> Bool {
            json.count == 3 && row.key.matches(json[0]) && row.row.value.matches(json[1])
                && row.row.timestamp.ms == json[2].integer
        }
        if let lost = expected.first(where: { json in !rows.contains { isEqual($0, json) } }) {
            return "store \(name) lacks \(lost)"
        }
        if let extra = rows.first(where: { row in !expected.contains { isEqual(row, $0) } }) {
            return "store \(name) has \(extra)"
        }
        return rows.count == expected.count ? nil : "store \(name) has \(rows.count) rows; expected \(expected.count)"
    }
}

/// The subscriptions that a foreign-key join keeps, in Kafka Streams' format; nil for other stores.
private func subscriptionRows(_ stores: any CaseStores, store name: String) throws -> [[JSONValue]]? {
    typealias Store = TimestampedKeyValueStore<CombinedKey<Datum, Datum>, Subscription<Datum>>
    guard name.hasSuffix("subscription-store") || name.contains("-SUBSCRIPTION-STATE-STORE-") else { return nil }
    return try stores.store(name, as: Store.self).all().collect().map { key, row in
        let foreignKey = key.foreignKey.text.utf8
        let length = withUnsafeBytes(of: Int32(foreignKey.count).bigEndian) { Array($0) }
        let bytes = (length + foreignKey + key.primaryKey.text.utf8).map { byte in
            (0x20..<0x7f).contains(byte)
                ? String(UnicodeScalar(byte)) : "\\x" + String(0x100 + Int(byte), radix: 16).uppercased().dropFirst()
        }
        let instruction =
            switch row.value.instruction {
            case .deleteSilently: "DELETE_KEY_NO_PROPAGATE"
            case .deleteAndAnswer: "DELETE_KEY_AND_PROPAGATE"
            case .answerAlways: "PROPAGATE_NULL_IF_NO_FK_VAL_AVAILABLE"
            case .answerIfFound: "PROPAGATE_ONLY_IF_FK_VAL_AVAILABLE"
            }
        let hash = row.value.hash.map {
            "[\(Int64(bitPattern: $0.high)), \(Int64(bitPattern: $0.low))]"
        }
        let text =
            "SubscriptionWrapper{version=1, primaryKey=\(row.value.primaryKey.text), instruction=\(instruction), "
            + "hash=\(hash ?? "null"), primaryPartition=\(row.value.primaryPartition?.number ?? -1)}"
        return [.text(bytes.joined()), .text(text), .integer(row.timestamp.ms)]
    }
}
