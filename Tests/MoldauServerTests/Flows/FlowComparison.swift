@testable import MoldauWire

/// Compares answers with recorded ones, field by field.
struct FlowComparison {
    /// Fields that may differ, and why. Values that a broker generates (ids of members, topics, producers and sessions)
    /// are compared after substitution: see `FlowValues`.
    static let mayDiffer: [String: String] = [
        "throttleTimeMs": "clients are not throttled",
        "host": "this run's address", "port": "this run's address", "clusterId": "generated for each cluster",
        "errorMessage": "in this broker's own words", "logAppendTimeMs": "the time of this run",
        "clientHost": "this run's address",
        // ApiVersions lists what this broker serves; `ApiVersionsTests` has the list.
        "apiKeys": "this broker's own list", "supportedFeatures": "there are no features",
        "finalizedFeatures": "there are no features", "finalizedFeaturesEpoch": "there are no features",
    ]

    let api: ApiKey
    private(set) var differences: [String] = []

    init(_ api: ApiKey, recorded: WireValue, own: WireValue) {
        self.api = api
        if FlowExcuse.all.contains(where: { $0.api == api && $0.applies(recorded, own) }) { return }
        compare(
            FlowExcuse.cleaned(Self.ordered(recorded, all: true), api, own: own),
            FlowExcuse.cleaned(Self.ordered(own, all: true), api, own: own), "")
    }

    /// Sorts lists, and leaves out fields that may differ.
    /// - Parameter all: whether values that a broker generates count for the order.
    static func ordered(_ value: WireValue, all: Bool = false) -> WireValue {
        switch value {
        case .list(let elements):
            return .list(elements.map { ordered($0, all: all) }.sorted { key($0, all: all) < key($1, all: all) })
        case .fields(let fields):
            return .fields(
                fields.filter { mayDiffer[$0.name] == nil }
                    .map { .init(name: $0.name, value: ordered($0.value, all: all)) })
        default: return value
        }
    }

    private static func key(_ value: WireValue, all: Bool = true) -> String {
        switch value {
        case .fields(let fields):
            return fields.filter { all || !FlowValues.isMadeUp($0.name) }
                .map { "\($0.name)=\(key($0.value, all: all))" }.joined(separator: " ")
        case .list(let elements): return elements.map { key($0, all: all) }.joined(separator: ",")
        case .number(let number): return "\(number)"
        case .text(let text): return text
        case .flag(let flag): return "\(flag)"
        case .bytes(let bytes): return Array(bytes.bytes).description
        case .records(let records): return "\(records.byteCount)"
        case .null: return "null"
        case .id(let id): return "\(id)"
        case .floatingPoint(let number): return "\(number)"
        }
    }

    private mutating func compare(_ recorded: WireValue, _ own: WireValue, _ path: String) {
        switch (recorded, own) {
        case (.fields(let left), .fields(let right)):
            for one in left {
                guard let other = right.first(where: { $0.name == one.name }) else {
                    differences.append("\(path).\(one.name): missing, recorded \(Self.text(one.value))")
                    continue
                }
                compare(one.value, other.value, "\(path).\(one.name)")
            }
            for other in right where !left.contains(where: { $0.name == other.name }) {
                differences.append("\(path).\(other.name): \(Self.text(other.value)), not recorded")
            }
        case (.list(let left), .list(let right)):
            if left.count != right.count {
                differences.append(
                    "\(path): \(right.count) elements, recorded \(left.count): "
                        + "\(Self.text(own)) recorded \(Self.text(recorded))")
                return
            }
            for (place, (one, other)) in zip(left, right).enumerated() { compare(one, other, "\(path)[\(place)]") }
        case (.records(let left), .records(let right)): compareRecords(left, right, path)
        default:
            if recorded != own { differences.append("\(path): \(Self.text(own)), recorded \(Self.text(recorded))") }
        }
    }

    private mutating func compareRecords(_ recorded: RecordData, _ own: RecordData, _ path: String) {
        let (left, right) = (Self.batches(recorded), Self.batches(own))
        guard left.count == right.count else {
            differences.append(
                "\(path): batches \(right.map { "\($0.baseOffset)-\($0.lastOffset)" }), "
                    + "recorded \(left.map { "\($0.baseOffset)-\($0.lastOffset)" })")
            return
        }
        for (one, other) in zip(left, right) {
            let isSame =
                one.baseOffset == other.baseOffset && one.lastOffset == other.lastOffset
                && one.recordCount == other.recordCount && (one.isControl || one.payload == other.payload)
                && one.attributes & 0x2f == other.attributes & 0x2f
            if !isSame {
                differences.append(
                    "\(path): batch \(other.baseOffset)-\(other.lastOffset) differs from \(one.baseOffset)-\(one.lastOffset)"
                )
            }
        }
    }

    private static func batches(_ data: RecordData) -> [FlowBatch] {
        guard case .bytes(let bytes) = data else { return [] }
        return FlowBatch.all(in: Array(bytes.bytes))
    }

    private static func text(_ value: WireValue) -> String { String(key(value).prefix(300)) }
}
