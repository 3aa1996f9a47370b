import Foundation
import MoldauRecords
import Testing

@testable import MoldauWire

/// Bodies that Kafka's own classes wrote: read to the same fields, and written to the same bytes.
///
/// `GOLDEN_WIRE=FILE` reads another file.
struct GoldenWire {
    @Test func `bodies that Kafka wrote are read to the same fields and written to the same bytes`() throws {
        let path = ProcessInfo.processInfo.environment["GOLDEN_WIRE"]
        let url =
            path.map { URL(filePath: $0) } ?? Bundle.module.url(forResource: "golden-wire", withExtension: "json")!
        var (passed, failed, notServed) = (0, 0, [String]())
        for vector in try WireVector.load(url) {
            guard let api = ApiKey(rawValue: vector.key) else {
                notServed.append(vector.title)
                continue
            }
            guard api.versions.contains(vector.version) else {
                notServed.append("\(vector.title), out of \(api.versions)")
                continue
            }
            let complaints = try complaints(vector, api)
            if complaints.isEmpty { passed += 1 } else { failed += 1 }
            for complaint in complaints { print("golden wire: \(vector.title): \(complaint)") }
        }
        print("golden wire: not served: \(notServed.joined(separator: "; "))")
        print("golden wire: \(passed) passed, \(failed) failed")
        #expect(failed == 0)
        #expect(passed > 0)
    }

    private func complaints(_ vector: WireVector, _ api: ApiKey) throws -> [String] {
        var found: [String] = []
        if api.name != vector.api { found.append("its name here is \(api.name)") }
        let headerVersion =
            vector.isRequest
            ? api.requestHeader(version: vector.version) : api.responseHeader(version: vector.version)
        if headerVersion != vector.headerVersion { found.append("its header here has version \(headerVersion)") }
        func check(_ type: (some WireMessage).Type) throws {
            let message = try type.decode(vector.bytes, version: vector.version)
            let values = message.values(version: vector.version)
            found += differences(values, vector.fields, at: "")
            let bytes = try message.encoded(version: vector.version)
            if bytes != vector.bytes { found.append("read and written again, it has other bytes") }
            // The other way round: from the fields to the bytes, without what has been read.
            var made = type.init()
            try made.visit(FieldsFromJSON(vector.fields, records: values.records), version: vector.version)
            if try made.encoded(version: vector.version) != vector.bytes {
                found.append("written from its fields, it has other bytes")
            }
        }
        do {
            try check(api.message(isRequest: vector.isRequest))
        } catch {
            found.append("\(error)")
        }
        return found
    }

    /// The differences between values and JSON.
    private func differences(_ value: WireValue, _ json: Any?, at path: String) -> [String] {
        switch (value, json) {
        case (.fields(let fields), let json as [String: Any]):
            let missing = Set(json.keys).subtracting(fields.map(\.name))
            return missing.sorted().map { "\(path).\($0) is missing" }
                + fields.flatMap { differences($0.value, json[$0.name], at: "\(path).\($0.name)") }
        case (.list(let list), let json as [Any]):
            if list.count != json.count { return ["\(path) has \(list.count) elements, not \(json.count)"] }
            return zip(list, json).enumerated().flatMap { differences($1.0, $1.1, at: "\(path)[\($0)]") }
        case (.records, .some): return []  // The JSON does not contain them; the bytes do.
        case (.null, is NSNull): return []
        case (.number(let number), let json as NSNumber) where json.int64Value == number: return []
        case (.floatingPoint(let number), let json as NSNumber) where json.doubleValue == number: return []
        case (.flag(let flag), let json as NSNumber) where json.boolValue == flag: return []
        case (.text(let text), let json as String) where text == json: return []
        case (.id(let id), let json as String) where id.description == json: return []
        case (.bytes(let bytes), let json as String) where Data(bytes.bytes).base64EncodedString() == json: return []
        default: return ["\(path) is \(value), not \(json ?? "absent")"]
        }
    }
}

extension WireValue {
    /// The record batches in it, in order.
    fileprivate var records: [RecordData] {
        switch self {
        case .records(let records): [records]
        case .list(let list): list.flatMap(\.records)
        case .fields(let fields): fields.flatMap(\.value.records)
        default: []
        }
    }
}

/// Sets the fields of a message to those in JSON.
private final class FieldsFromJSON: FieldVisitor {
    private var records: [RecordData]
    /// The open levels: fields by name, or elements in their order.
    private var levels: [(fields: [String: Any], elements: ArraySlice<Any>)]

    let showsDefaults = true

    init(_ fields: [String: Any], records: [RecordData]) {
        levels = [(fields, [])]
        self.records = records
    }

    private func json(_ name: String) -> Any? {
        name.isEmpty ? levels[levels.count - 1].elements.popFirst() : levels[levels.count - 1].fields[name]
    }

    func number(_ name: String, _ value: inout Int64, bits: Int) {
        if let number = json(name) as? NSNumber { value = number.int64Value }
    }
    func number(_ name: String, _ value: inout Double) {
        if let number = json(name) as? NSNumber { value = number.doubleValue }
    }
    func flag(_ name: String, _ value: inout Bool) {
        if let number = json(name) as? NSNumber { value = number.boolValue }
    }
    func text(_ name: String, _ value: inout String?, isNullable: Bool) {
        if let json = json(name) { value = json as? String }
    }
    func id(_ name: String, _ value: inout TopicID) {
        if let text = json(name) as? String { value = TopicID(text) ?? .zero }
    }
    func bytes(_ name: String, _ value: inout WireBytes?, isNullable: Bool) {
        guard let json = json(name) else { return }
        value = (json as? String).flatMap { Data(base64Encoded: $0) }.map { WireBytes(copying: [UInt8]($0)) }
    }
    func records(_ name: String, _ value: inout RecordData) { value = records.removeFirst() }

    func beginList(_ name: String, count: inout Int?, isNullable: Bool) {
        let list = json(name)
        if let list { count = (list as? [Any])?.count }
        levels.append(([:], (list as? [Any] ?? [])[...]))
    }
    func beginFields(_ name: String, isPresent: inout Bool, isNullable: Bool) {
        let fields = json(name)
        if fields != nil { isPresent = !(fields is NSNull) }
        levels.append((fields as? [String: Any] ?? [:], []))
    }
    func end() { levels.removeLast() }
}
