import Moldau
import MoldauState

/// One step of a case's topology.
struct CaseStep {
    let json: JSONValue

    var op: String { text("op") ?? "" }
    var input: String { text("in") ?? "" }
    var named: String? { text("named") }

    func text(_ field: String) -> String? { json[field]?.text }

    func need(_ field: String) throws -> String {
        guard let text = text(field) else { throw Unsupported(what: "\(op) without \(field)") }
        return text
    }

    func kind(_ field: String) throws -> Kind {
        guard let kind = try kind(field, default: nil) else { throw Unsupported(what: "\(op) without \(field)") }
        return kind
    }

    func kind(_ field: String, default fallback: Kind?) throws -> Kind? {
        // A punctuation's `key` is the key that it forwards, not a type.
        guard let name = text(field), op != "punctuate" else { return fallback }
        if name == "none" { return .string }  // The default serdes of the cases.
        guard let kind = Kind(rawValue: name) else { throw Unsupported(what: "type \(name)") }
        return kind
    }

    func function(_ field: String, default fallback: String? = nil) throws -> CaseFunction {
        guard let source = text(field) ?? fallback else { throw Unsupported(what: "\(op) without \(field)") }
        return try CaseFunction(source)
    }

    /// The options that a step has for its store.
    struct StoreOptions {
        var name: String?
        var kind: StoreKind?
        var emission: Emission?
        var retention: Duration?
        var isLogged = true
    }

    /// The step's options for its store; nil if it has none.
    func storeOptions() throws -> StoreOptions? {
        guard let store = json["store"] else { return nil }
        var options = StoreOptions(name: store["name"]?.text)
        switch store["kind"]?.text ?? "default" {
        case "default", "versioned": break
        case "inmemory", "inmemoryWindow", "inmemorySession": options.kind = .inMemory
        case let kind: throw Unsupported(what: "store kind \(kind)")
        }
        options.retention = store["retention"]?.integer.map { .milliseconds($0) }
        if let isCached = store["caching"]?.bool { options.emission = isCached ? .lastPerCommit() : .everyChange }
        options.isLogged = store["logging"]?.bool ?? true
        return options
    }

    /// The history retention of the step's store; nil if it is not versioned.
    func historyRetention() throws -> Duration? {
        guard let store = json["store"], store["kind"]?.text == "versioned" else { return nil }
        guard let retention = store["historyRetention"]?.integer else {
            throw Unsupported(what: "a versioned store without historyRetention")
        }
        return .milliseconds(retention)
    }

    /// The stores that a capture names, of any kind.
    var storeNames: [any StoreName] { stores.map { TableStoreName<String, String>($0) } }

    /// The names of those stores.
    var stores: [String] { json["stores"]?.list?.compactMap(\.text) ?? [] }

    func limit(_ field: String) -> Int { json[field]?.integer.map { Int($0) } ?? .max }

    /// A suppression with a time limit.
    func untilTimeLimit<Key>() throws -> Suppressed<Key> {
        guard let limit = json["timeLimit"]?.integer else { throw Unsupported(what: "suppress without timeLimit") }
        return .untilTimeLimit(
            .milliseconds(limit), maxRecords: self.limit("maxRecords"), maxBytes: self.limit("maxBytes"),
            whenFull: text("full") == "shutdown" ? .stop : .emitEarly)
    }
}
