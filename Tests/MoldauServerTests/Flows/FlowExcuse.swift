@testable import MoldauWire

/// An answer that may differ as a whole from the recorded one, and why.
struct FlowExcuse: Sendable {
    let api: ApiKey
    let reason: String
    let applies: @Sendable (_ recorded: WireValue, _ own: WireValue) -> Bool

    static let all: [FlowExcuse] = [
        FlowExcuse(
            api: .findCoordinator, reason: "the real broker was still creating its internal topic",
            applies: { errors($0).contains(15) && errors($1).allSatisfy { $0 == 0 } }),
        FlowExcuse(
            api: .initProducerId,
            reason: "the real broker was still getting a block of producer ids, or its internal topic",
            applies: { (errors($0).contains(14) || errors($0).contains(16)) && errors($1) == [0] }),
        FlowExcuse(
            api: .addPartitionsToTxn, reason: "the real broker ends a transaction after it has answered",
            applies: { errors($0).contains(51) && errors($1).allSatisfy { $0 == 0 } }),
        FlowExcuse(
            api: .addOffsetsToTxn, reason: "the real broker ends a transaction after it has answered",
            applies: { errors($0) == [51] && errors($1) == [0] }),
        FlowExcuse(
            api: .offsetFetch, reason: "the real broker ends a transaction after it has answered",
            applies: { errors($0).contains(88) && errors($1).allSatisfy { $0 == 0 } }),
    ]

    /// The value without elements that exist, or are missing, only because of events before the recording.
    static func cleaned(_ value: WireValue, _ api: ApiKey, own: WireValue) -> WireValue {
        guard case .fields(let fields) = value else { return value }
        return .fields(
            fields.map { field in
                guard case .list(let elements) = field.value else { return field }
                switch (api, field.name) {
                case (.metadata, "topics"):
                    // The broker's own topics: created when they are needed, with 50 partitions.
                    let others = elements.filter { self.field("isInternal", $0) != .flag(true) }
                    return .init(name: field.name, value: .list(others))
                case (.listGroups, "groups"):
                    // Groups of earlier conversations.
                    guard case .list(let kept)? = self.field("groups", own) else { return field }
                    let names = kept.map { self.field("groupId", $0) }
                    return .init(
                        name: field.name, value: .list(elements.filter { names.contains(self.field("groupId", $0)) }))
                default: return field
                }
            })
    }

    private static func field(_ name: String, _ value: WireValue) -> WireValue? {
        guard case .fields(let fields) = value else { return nil }
        return fields.first { $0.name == name }?.value
    }

    /// All error codes in an answer.
    private static func errors(_ value: WireValue) -> [Int64] {
        switch value {
        case .fields(let fields):
            return fields.flatMap { field -> [Int64] in
                if case .number(let code) = field.value {
                    return field.name.lowercased().hasSuffix("errorcode") ? [code] : []
                }
                return errors(field.value)
            }
        case .list(let elements): return elements.flatMap(errors)
        default: return []
        }
    }
}
