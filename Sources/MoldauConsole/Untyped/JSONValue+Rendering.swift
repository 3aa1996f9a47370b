// How keys and values of any type are shown as JSON.

import Foundation
import MoldauRecords
import MoldauState

extension JSONValue {
    /// Converts a key or value: text, numbers, flags and bytes directly, `Encodable` types by their encoding, and
    /// anything else by its description.
    init(showing value: Any) {
        switch value {
        case let text as String: self = .string(text)
        case let flag as Bool: self = .bool(flag)
        case let number as any BinaryInteger: self = .number(number)
        case let number as any BinaryFloatingPoint & CustomStringConvertible:
            self = number.isFinite ? .encoded(number.description) : .string(number.description)
        case let bytes as [UInt8]: self = .bytes(bytes)
        case let bytes as Data: self = .bytes(Array(bytes))
        case let uuid as UUID: self = .string(uuid.uuidString.lowercased())
        case is Void: self = .null
        case let value as any ShownAsJSON: self = value.shown
        case let value as any Encodable: self = JSONValue(encoding: value) ?? .string("\(value)")
        default: self = .string("\(value)")
        }
    }

    /// The JSON that a type encodes itself as; nil if that fails.
    init?(encoding value: some Encodable) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        guard let data = try? encoder.encode(value) else { return nil }
        self = .encoded(String(decoding: data, as: UTF8.self))
    }
}

/// A type of Moldau's that is composed of others.
private protocol ShownAsJSON {
    var shown: JSONValue { get }
}

extension Optional: ShownAsJSON {
    fileprivate var shown: JSONValue { map { JSONValue(showing: $0) } ?? .null }
}

extension Windowed: ShownAsJSON {
    fileprivate var shown: JSONValue {
        ["key": JSONValue(showing: key), "start": .time(start), "end": .time(end)]
    }
}

extension ValueAndTimestamp: ShownAsJSON {
    fileprivate var shown: JSONValue { ["value": JSONValue(showing: value), "timestamp": .time(timestamp)] }
}
