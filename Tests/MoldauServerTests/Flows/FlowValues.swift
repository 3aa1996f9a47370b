import MoldauRecords
@testable import MoldauWire

/// Maps generated values of a recording to those of this run.
final class FlowValues {
    private var texts: [String: String] = [:]
    private var ids: [TopicID: TopicID] = [:]
    private var numbers: [String: [Int64: Int64]] = [:]
    /// The last epoch of each session: recordings leave out fetches without records.
    private var sessionEpochs: [Int64: Int64] = [:]

    /// The epoch of the next fetch in a session of this run.
    func nextEpoch(ofSession session: Int64) -> Int64 {
        sessionEpochs[session, default: 0] += 1
        return sessionEpochs[session, default: 0]
    }

    /// The fields whose values a broker generates.
    static func isMadeUp(_ name: String) -> Bool {
        ["memberId", "leader", "topicId"].contains(name) || kind(name) != nil
    }

    private static func kind(_ name: String) -> String? {
        switch name {
        case "producerId", "v3AndBelowProducerId": "producer"
        case "producerEpoch", "v3AndBelowProducerEpoch": "epoch"
        case "sessionId": "session"
        case "generationId", "generationIdOrMemberEpoch": "generation"
        default: nil
        }
    }

    // MARK: Learning

    /// Notes this run's values of the fields of an answer.
    func learn(_ recorded: WireValue, _ own: WireValue, name: String = "") {
        switch (recorded, own) {
        case (.fields(let left), .fields(let right)):
            for (one, other) in zip(left, right) where one.name == other.name {
                learn(one.value, other.value, name: one.name)
            }
        case (.list(let left), .list(let right)):
            for (one, other) in zip(left, right) { learn(one, other, name: name) }
        case (.text(let left), .text(let right)) where Self.isMadeUp(name) && texts[left] == nil && !left.isEmpty:
            texts[left] = right
        case (.id(let left), .id(let right)) where left != .zero && ids[left] == nil: ids[left] = right
        case (.number(let left), .number(let right)):
            if let kind = Self.kind(name), left >= 0, numbers[kind]?[left] == nil {
                numbers[kind, default: [:]][left] = right
            }
        default: break
        }
    }

    // MARK: Substitution

    func text(_ name: String, _ recorded: String) -> String {
        Self.isMadeUp(name) ? texts[recorded] ?? recorded : recorded
    }

    func id(_ recorded: TopicID) -> TopicID { ids[recorded] ?? recorded }

    func number(_ name: String, _ recorded: Int64) -> Int64 {
        Self.kind(name).flatMap { numbers[$0]?[recorded] } ?? recorded
    }

    /// Batches with this run's producer ids.
    func batches(_ recorded: WireBytes) -> WireBytes {
        var bytes = Array(recorded.bytes)
        for batch in FlowBatch.all(in: bytes) where batch.producer >= 0 {
            batch.set(
                producer: number("producerId", batch.producer), epoch: number("producerEpoch", Int64(batch.epoch)),
                in: &bytes)
        }
        return WireBytes(copying: bytes)
    }

    /// A value of the recording as this run should have it.
    func mapped(_ recorded: WireValue, name: String = "") -> WireValue {
        switch recorded {
        case .text(let text): .text(self.text(name, text))
        case .id(let id): .id(self.id(id))
        case .number(let number): .number(self.number(name, number))
        case .list(let elements): .list(elements.map { mapped($0, name: name) })
        case .fields(let fields):
            .fields(fields.map { WireValue.Field(name: $0.name, value: mapped($0.value, name: $0.name)) })
        default: recorded
        }
    }
}

/// Substitutes this run's values in a request.
final class FlowSubstitution: FieldVisitor {
    private let values: FlowValues
    private var session: Int64 = 0
    let showsDefaults = false

    init(_ values: FlowValues) { self.values = values }

    func number(_ name: String, _ value: inout Int64, bits: Int) {
        value = values.number(name, value)
        if name == "sessionId" { session = value }
        if name == "sessionEpoch", value > 0 { value = values.nextEpoch(ofSession: session) }
    }
    func number(_ name: String, _ value: inout Double) {}
    func flag(_ name: String, _ value: inout Bool) {}
    func text(_ name: String, _ value: inout String?, isNullable: Bool) { value = value.map { values.text(name, $0) } }
    func id(_ name: String, _ value: inout TopicID) { value = values.id(value) }
    func bytes(_ name: String, _ value: inout WireBytes?, isNullable: Bool) {}
    func records(_ name: String, _ value: inout RecordData) {
        if case .bytes(let bytes) = value { value = .bytes(values.batches(bytes)) }
    }
    func beginList(_ name: String, count: inout Int?, isNullable: Bool) {}
    func beginFields(_ name: String, isPresent: inout Bool, isNullable: Bool) {}
    func end() {}
}
