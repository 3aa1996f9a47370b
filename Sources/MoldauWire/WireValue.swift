import MoldauRecords

/// A message's fields by Kafka's names, in the order of the wire: to compare and to print messages.
package indirect enum WireValue: Equatable, Sendable {
    case null
    case number(Int64)
    case floatingPoint(Double)
    case flag(Bool)
    case text(String)
    case id(TopicID)
    case bytes(WireBytes)
    case records(RecordData)
    case list([WireValue])
    case fields([Field])

    /// A field and its name.
    package struct Field: Equatable, Sendable {
        package var name: String
        package var value: WireValue
    }
}

extension WireMessage {
    /// The message's fields in this version. Tagged fields with their defaults are left out, as on the wire.
    package func values(version: Int16) -> WireValue {
        let listing = Listing()
        var message = self
        // A visitor that changes nothing gets only valid fields, so this does not fail.
        try? message.visit(listing, version: version)
        return .fields(listing.levels[0])
    }
}

/// Notes all fields.
private final class Listing: FieldVisitor {
    /// The fields of the message; behind them those of each list or field that has begun and not ended.
    var levels: [[WireValue.Field]] = [[]]
    private var begun: [(name: String, kind: Kind)] = []
    private enum Kind { case list, fields, null }

    let showsDefaults = false

    private func note(_ name: String, _ value: WireValue) {
        levels[levels.count - 1].append(WireValue.Field(name: name, value: value))
    }

    func number(_ name: String, _ value: inout Int64, bits: Int) { note(name, .number(value)) }
    func number(_ name: String, _ value: inout Double) { note(name, .floatingPoint(value)) }
    func flag(_ name: String, _ value: inout Bool) { note(name, .flag(value)) }
    func text(_ name: String, _ value: inout String?, isNullable: Bool) { note(name, value.map { .text($0) } ?? .null) }
    func id(_ name: String, _ value: inout TopicID) { note(name, .id(value)) }
    func bytes(_ name: String, _ value: inout WireBytes?, isNullable: Bool) {
        note(name, value.map { .bytes($0) } ?? .null)
    }
    func records(_ name: String, _ value: inout RecordData) { note(name, .records(value)) }

    func beginList(_ name: String, count: inout Int?, isNullable: Bool) { begin(name, count == nil ? .null : .list) }

    func beginFields(_ name: String, isPresent: inout Bool, isNullable: Bool) {
        begin(name, isPresent ? .fields : .null)
    }

    private func begin(_ name: String, _ kind: Kind) {
        begun.append((name, kind))
        levels.append([])
    }

    func end() {
        let (name, kind) = begun.removeLast()
        let inner = levels.removeLast()
        switch kind {
        case .list: note(name, .list(inner.map(\.value)))
        case .fields: note(name, .fields(inner))
        case .null: note(name, .null)
        }
    }
}
