import Foundation
import MoldauRecords

// The console's answers, as far as the commands print them.

/// A JSON value, as received.
enum ConsoleValue: Decodable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    case list([ConsoleValue])
    case object([String: ConsoleValue])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let number = try? value.decode(Int64.self) {
            self = .integer(number)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let list = try? value.decode([ConsoleValue].self) {
            self = .list(list)
        } else {
            self = .object(try value.decode([String: ConsoleValue].self))
        }
    }

    /// For `JSONSerialization`.
    var json: Any {
        switch self {
        case .null: NSNull()
        case .bool(let bool): bool
        case .integer(let number): number
        case .number(let number): number
        case .text(let text): text
        case .list(let list): list.map(\.json)
        case .object(let object): object.mapValues(\.json)
        }
    }

    /// As people read it: a string without quotes, with its control characters escaped; anything else as JSON.
    var text: String {
        if case .text(let text) = self { return text.printable }
        let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes, .fragmentsAllowed]
        let data = (try? JSONSerialization.data(withJSONObject: json, options: options)) ?? Data()
        return String(decoding: data, as: UTF8.self).printable
    }
}

extension String {
    /// The text with the characters that control a terminal escaped, as `\u{1b}`.
    var printable: String {
        unicodeScalars.reduce(into: "") { text, scalar in
            if scalar.isControl {
                text += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
    }
}

/// `/stores/NAME`.
struct ConsoleStore: Decodable {
    let name: String
    let kind: String
    let isQueryable: Bool
}

/// `/stores/NAME/get`.
struct ConsoleRow: Decodable {
    let key: ConsoleValue
    let value: ConsoleValue?
    let timestamp: Int64?
    let found: Bool
}

/// `/stores/NAME/range`, and similar.
struct ConsolePage: Decodable {
    struct Entry: Decodable {
        let key: ConsoleValue
        let value: ConsoleValue?
        let timestamp: Int64?
        let start: Int64?
        let end: Int64?
    }

    let entries: [Entry]
    let next: String?
}

/// An event of `/stores/NAME/changes`.
struct ConsoleChange: Decodable {
    let key: ConsoleValue
    /// The start of the window or session.
    let start: Int64?
    let end: Int64?
    let value: ConsoleValue?
    let timestamp: Int64?
    let partition: Int32?
    let offset: Int64?
}

/// An event that says how many changes are missing.
struct ConsoleGap: Decodable {
    let count: Int64
}

/// `/explain`, of the application or of a key.
struct ConsoleExplanation: Decodable {
    struct Reason: Decodable {
        let sentence: String
        let page: String?
    }

    struct Node: Decodable {
        struct Drop: Decodable {
            let reason: String
            let count: Int64
        }

        let name: String
        let operation: String
        let recordsIn: Int64
        let recordsOut: Int64
        let drops: [Drop]
    }

    let application: String?
    let state: String?
    let reasons: [Reason]
    let nodes: [Node]?
    let store: String?
    let key: String?
    let hasValue: Bool?
}

/// `/status`.
struct ConsoleStatus: Decodable {
    struct Task: Decodable {
        struct Input: Decodable {
            let topic: String
            let partition: Int32
            let lag: Int64?
        }

        let id: String
        let thread: String?
        let partitions: [Input]
        let waitsFor: [Input]?
        let inFlight: Int?
    }

    struct Restore: Decodable {
        let store: String
        let partition: Int32
        let remaining: Int64
        let isStandby: Bool
    }

    let application: String
    let state: String
    let tasks: [Task]
    let restores: [Restore]
}

/// An event of `/updates`.
struct ConsoleUpdate: Decodable {
    struct Node: Decodable {
        let name: String
        let `in`: Int64
        let out: Int64
        let drops: Int64
    }

    struct Memory: Decodable {
        let usedBytes: Int64
        let budgetBytes: Int64?
    }

    struct Reason: Decodable {
        let sentence: String
    }

    let now: Int64
    let state: String
    let isPaused: Bool
    let processed: Int64
    let commits: Int64
    let nodes: [Node]
    let lag: Int64
    let restoring: Int
    let memory: Memory?
    let reasons: [Reason]
}
