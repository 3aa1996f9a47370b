import Foundation

/// Any JSON value, as the case files hold them.
enum JSONValue: Decodable, Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    subscript(name: String) -> JSONValue? { if case .object(let fields) = self { fields[name] } else { nil } }

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
    var bool: Bool? { if case .bool(let flag) = self { flag } else { nil } }
    var list: [JSONValue]? { if case .list(let list) = self { list } else { nil } }
    var object: [String: JSONValue]? { if case .object(let fields) = self { fields } else { nil } }
}

/// A file of cases: see FORMAT.md.
struct CaseFile: Decodable, Sendable {
    let area: String
    let cases: [ConformanceCase]
}

extension JSONValue {
    /// Whether there is a null in it.
    var hasNull: Bool {
        switch self {
        case .null: true
        case .list(let list): list.contains(where: \.hasNull)
        case .object(let fields): fields.values.contains(where: \.hasNull)
        case .bool, .integer, .number, .text: false
        }
    }
}

/// A topology, its inputs and Kafka Streams' results.
struct ConformanceCase: Decodable, Sendable {
    let name: String
    let config: [String: JSONValue]?
    let topology: [JSONValue]
    let inputs: [JSONValue]?
    var expected: [JSONValue]?
    var stores: [String: [[JSONValue]]]?
    var droppedRecords: Int64?
    let describe: String?
    var error: JSONValue?
    let errorPhase: String?
    let errorStep: Int64?
    let errorAfter: Int64?
    let defaultSerdes: Bool?
    let versionedGets: [JSONValue]?
}
