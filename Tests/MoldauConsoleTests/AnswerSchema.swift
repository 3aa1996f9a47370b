import Foundation

/// Checks JSON against the schemas of an OpenAPI document: the part of JSON Schema that the console's description uses.
/// Any other keyword is reported, so that nothing remains unchecked.
struct AnswerSchema {
    private let document: JSON

    init(_ document: Data) throws { self.document = try JSON(document) }

    /// The paths that are described.
    var paths: Set<String> { Set(document["paths"]?.members.keys.map { $0 } ?? []) }

    /// What is wrong with an answer: one sentence each.
    func complaints(_ body: Data, path: String, status: Int, type: String) throws -> [String] {
        let responses = document["paths"]?[path]?["get"]?["responses"]
        let kind = type.split(separator: ";").first.map(String.init) ?? ""
        guard let schema = (responses?["\(status)"] ?? responses?["default"])?["content"]?[kind]?["schema"] else {
            return ["\(path) answers \(status) with \(kind), which is not described"]
        }
        return kind == "application/json" ? complaints(try JSON(body), schema, path) : []
    }

    /// What is wrong with the data of an event.
    func complaints(event: String, _ data: Data, path: String) throws -> [String] {
        let content = document["paths"]?[path]?["get"]?["responses"]?["200"]?["content"]
        guard let schema = content?["text/event-stream"]?["x-events"]?[event] else {
            return ["the event \(event) of \(path) is not described"]
        }
        return complaints(try JSON(data), schema, "\(path) \(event)")
    }

    private func complaints(_ value: JSON, _ schema: JSON, _ place: String) -> [String] {
        schema.members.flatMap { keyword, wanted -> [String] in
            func check(_ isRight: Bool) -> [String] { isRight ? [] : ["\(place) is \(value); \(keyword): \(wanted)"] }
            switch keyword {
            case "$ref":
                let name = String(wanted.text?.split(separator: "/").last ?? "")
                guard let schema = document["components"]?["schemas"]?[name] else {
                    return ["there is no schema \(name)"]
                }
                return complaints(value, schema, place)
            case "anyOf":
                let tried = wanted.list.map { complaints(value, $0, place) }
                return tried.contains([]) ? [] : tried.flatMap(\.self)
            case "type": return check((wanted.list + [wanted]).compactMap(\.text).contains(where: value.isOf))
            case "enum": return check(wanted.list.contains(value))
            case "pattern":
                guard let expression = try? Regex(wanted.text ?? "") else { return ["\(place): a bad pattern"] }
                return check(value.text?.contains(expression) ?? false)
            case "required": return check(wanted.list.compactMap(\.text).allSatisfy { value[$0] != nil })
            case "properties":
                return wanted.members.flatMap { name, schema in
                    value[name].map { complaints($0, schema, "\(place).\(name)") } ?? []
                }
            case "additionalProperties":
                let others = value.members.filter { schema["properties"]?[$0.key] == nil }
                if case .flag = wanted { return check(others.isEmpty) }
                return others.flatMap { complaints($0.value, wanted, "\(place).\($0.key)") }
            case "items": return value.list.enumerated().flatMap { complaints($1, wanted, "\(place)[\($0)]") }
            case "maxItems": return check(value.list.count <= wanted.integer ?? 0)
            case "minimum": return check(value.number ?? 0 >= wanted.number ?? 0)
            case "maximum": return check(value.number ?? 0 <= wanted.number ?? 0)
            case "description": return []
            default: return ["\(place): the keyword \(keyword) is not checked"]
            }
        }
    }
}

extension JSON {
    fileprivate func isOf(_ type: String) -> Bool {
        switch self {
        case .null: type == "null"
        case .flag: type == "boolean"
        case .integer: type == "integer" || type == "number"
        case .number: type == "number"
        case .text: type == "string"
        case .list: type == "array"
        case .object: type == "object"
        }
    }
}
