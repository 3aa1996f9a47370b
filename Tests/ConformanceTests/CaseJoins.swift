import Moldau
import MoldauRecords
import MoldauState
import MoldauTesting
import MoldauTopology

extension CaseTopology {
    func foreignKeyJoin(_ step: CaseStep, _ left: Table, _ right: Table) throws -> Table {
        let (joiner, foreignKey) = (try step.function("joiner"), try step.function("fk"))
        let (store, options) = (try storeName(step, left.key, .string), try options(step))
        let apply: @Sendable (Datum?, Datum?) throws -> Datum? = {
            try joiner(Arguments(left: $0 ?? .null, right: $1 ?? .null)).row
        }
        let on: @Sendable (Datum, Datum) throws -> Datum? = { try foreignKey($0, $1).row }
        let (value, otherValue, result) = (left.value.serde, right.value.serde, Kind.string.serde)
        let table: KTable<Datum, Datum> =
            step.text("kind") == "left"
            ? left.table.leftJoin(
                right.table, on: on, value: value, otherValue: otherValue, result: result, as: store,
                named: step.named, options: options
            ) { try apply($0, $1) }
            : left.table.join(
                right.table, on: on, value: value, otherValue: otherValue, result: result, as: store,
                named: step.named, options: options
            ) { try apply($0, $1) }
        return (table, left.key, .string)
    }

    func streamJoin(_ step: CaseStep, _ left: Stream, _ right: Stream) throws -> Stream {
        let joiner = try step.function("joiner")
        let apply: @Sendable (Datum, Datum??, Datum??) throws -> Datum? = {
            try joiner(Arguments(key: $0, left: ($1 ?? nil) ?? .null, right: ($2 ?? nil) ?? .null)).row
        }
        let (windows, stores) = (try step.joinWindows(), step.text("storeName"))
        var options = BufferStoreOptions()
        if step.text("storeKind") == "inmemory" { options.kind = .inMemory }
        let (key, value, otherValue) = (left.key.serde, left.value.serde.optional, right.value.serde.optional)
        let joined: KStream<Datum, Datum?> =
            switch step.text("kind") {
            case "left":
                left.stream.leftJoin(
                    right.stream, within: windows, key: key, value: value, otherValue: otherValue, named: step.named,
                    storesNamed: stores, options: options
                ) { try apply($0, $1, $2) }
            case "outer":
                left.stream.outerJoin(
                    right.stream, within: windows, key: key, value: value, otherValue: otherValue, named: step.named,
                    storesNamed: stores, options: options
                ) { try apply($0, $1, $2) }
            default:
                left.stream.join(
                    right.stream, within: windows, key: key, value: value, otherValue: otherValue, named: step.named,
                    storesNamed: stores, options: options
                ) { try apply($0, $1, $2) }
            }
        return (joined, left.key, .string)
    }
}

extension CaseStep {
    fileprivate func joinWindows() throws -> JoinWindows {
        func milliseconds(_ field: String) -> Duration? { json[field]?.integer.map { .milliseconds($0) } }
        if let difference = milliseconds("legacyOf") {
            // The older API has a grace of one day by default.
            let grace = milliseconds("grace") ?? .milliseconds(86_400_000) - difference - difference
            return JoinWindows(difference: difference, grace: grace, unmatched: .atOnce)
        }
        guard json["thisStore"] == nil, json["otherStore"] == nil, let grace = milliseconds("grace"),
            let before = milliseconds("before") ?? milliseconds("diff"),
            let after = milliseconds("after") ?? milliseconds("diff")
        else { throw Unsupported(what: "this kind of join") }
        return JoinWindows(before: before, after: after, grace: grace)
    }
}

/// The subscriptions that a foreign-key join keeps, in Kafka Streams' format; nil for other stores.
func subscriptionRows(_ driver: TopologyTestDriver, store name: String) throws -> [[JSONValue]]? {
    typealias Store = TimestampedKeyValueStore<CombinedKey<Datum, Datum>, Subscription<Datum>>
    guard name.hasSuffix("subscription-store") || name.contains("-SUBSCRIPTION-STATE-STORE-") else { return nil }
    return try driver.store(name, as: Store.self).all().collect().map { key, row in
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
