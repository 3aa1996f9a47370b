import Moldau
import Synchronization
import Testing

/// A record in the documentation's notation: `key=value` or `key@20=value`.
struct ExampleRecord {
    var key: String?
    var value: String?
    /// Its time.
    var second: Int64?

    init<Key, Value>(_ record: Record<Key, Value>) {
        (key, value) = (Self.text(of: record.key), Self.text(of: record.value))
        second = record.timestamp.ms / 1_000
    }

    private init(_ text: Substring) throws {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        try #require(parts.count == 2, "'\(text)' is not of the form key=value")
        let name = parts[0].split(separator: "@", maxSplits: 1)
        func filled(_ text: Substring) -> String? { text == "nil" ? nil : String(text) }
        (key, value) = (filled(name[0]), filled(parts[1]))
        if name.count == 2 { second = Int64(name[1]) }
    }

    func text(withTime: Bool) -> String {
        "\(key ?? "nil")\(withTime ? "@\(second ?? 0)" : "")=\(value ?? "nil")"
    }

    /// Parses a line of the form `name: record, record`.
    static func parse(_ line: String) throws -> (name: String, records: [ExampleRecord]) {
        let parts = line.split(separator: ": ", maxSplits: 1).map(String.init)
        try #require(parts.count == 2, "'\(line)' is not of the form name: records")
        if parts[1] == "none" { return (parts[0], []) }
        return (parts[0], try parts[1].split(separator: ", ").map { try ExampleRecord($0) })
    }

    /// A window is shown as `key[0-60]`, in seconds.
    private static func text(of value: Any) -> String? {
        let mirror = Mirror(reflecting: value)
        if mirror.displayStyle == .optional { return mirror.children.first.flatMap { text(of: $0.value) } }
        if let windowed = value as? any ExampleWindowed { return windowed.exampleText }
        return "\(value)"
    }
}

/// A list that the closures of topologies may append to.
final class Notes<Note: Sendable>: Sendable {
    private let notes = Mutex<[Note]>([])

    /// - Returns: the number of notes now.
    @discardableResult
    func add(_ note: Note) -> Int {
        notes.withLock { notes in
            notes.append(note)
            return notes.count
        }
    }

    func take() -> [Note] {
        notes.withLock { notes in
            defer { notes = [] }
            return notes
        }
    }
}

private protocol ExampleWindowed { var exampleText: String { get } }

extension Windowed: ExampleWindowed {
    fileprivate var exampleText: String { "\(key)[\(window.start.ms / 1_000)-\(window.end.ms / 1_000)]" }
}
