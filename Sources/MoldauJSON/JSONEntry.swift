/// A value or key of a parsed document: where its text is.
///
/// The entries of a document are stored flat, in the order of the text. An object is followed by its fields, each a key
/// and a value; an array by its elements. `next` skips everything inside.
struct JSONEntry {
    enum Kind: UInt8 {
        case null, `true`, `false`, integer, number, string, object, array
    }

    /// Where the text begins; for a string, after the opening quote.
    var start: UInt32
    /// Where the text ends; for a string, before the closing quote. For an object or array: the number of fields or
    /// elements.
    var end: UInt32
    /// The index of the entry after this one and everything inside it.
    var next: UInt32
    var kind: Kind
    /// Whether a string's text contains escapes.
    var isEscaped = false

    var count: Int { Int(end) }
    var length: Int { Int(end &- start) }
}

extension JSONEntry.Kind {
    /// The name used in error messages.
    var name: String {
        switch self {
        case .null: "null"
        case .true, .false: "a Bool"
        case .integer, .number: "a number"
        case .string: "a string"
        case .object: "an object"
        case .array: "an array"
        }
    }
}

/// The entries of one document, in memory that is reused for the next.
struct JSONTape: ~Copyable {
    private(set) var entries: UnsafeMutablePointer<JSONEntry>
    private(set) var count = 0
    private(set) var capacity = 64

    init() { entries = .allocate(capacity: capacity) }

    deinit { entries.deallocate() }

    mutating func removeAll() { count = 0 }

    @inline(__always)
    mutating func append(_ entry: JSONEntry) {
        if count == capacity { grow() }
        (entries + count).initialize(to: entry)
        count += 1
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<JSONEntry>.allocate(capacity: 2 * capacity)
        larger.moveInitialize(from: entries, count: count)
        entries.deallocate()
        entries = larger
        capacity *= 2
    }
}
