/// One value or key of a parsed document: where its text lies.
///
/// A document's entries lie flat in the order of the text. An object is followed by its fields, each a key and a value;
/// an array by its elements; `next` leads over what is inside.
struct JSONEntry {
    enum Kind: UInt8 {
        case null, `true`, `false`, integer, number, string, object, array
    }

    /// Where the text begins. Of a string: behind its quote.
    var start: UInt32
    /// Where the text ends; of a string: before its quote. Of containers: how many fields or elements there are.
    var end: UInt32
    /// The index of the entry after this one and all that is inside.
    var next: UInt32
    var kind: Kind
    /// Whether a string's text holds escapes.
    var isEscaped = false

    var count: Int { Int(end) }
    var length: Int { Int(end &- start) }
}

extension JSONEntry.Kind {
    /// As error messages name it.
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

/// The entries of one document, in memory that is kept for the next.
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
