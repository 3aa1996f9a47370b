import MoldauRecords

/// A parsed document that values are decoded from. Its serde keeps it and reuses it for the next record.
///
/// Its fields are behind a pointer, because each access to a variable of a class costs an exclusivity check.
final class JSONDocument {
    struct Contents: ~Copyable {
        var tape = JSONTape()
        var text = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
        /// The sorted keys of large objects, by the object's index. Made when a key of the object is first looked up.
        var sortedKeys: [Int: [Int32]] = [:]
        /// Owns `text` if a decoder has outlived the call that it was made in.
        var copy: SharedBytes?
    }

    /// Above this many entries (1 MiB) the memory is not kept for the next record.
    static let keptEntries = 1 << 16

    let contents: UnsafeMutablePointer<Contents>

    init() {
        contents = .allocate(capacity: 1)
        contents.initialize(to: Contents())
    }

    deinit {
        contents.deinitialize(count: 1)
        contents.deallocate()
    }

    /// Parses `text`, which must stay valid until `close`.
    func open(_ text: UnsafeRawBufferPointer) throws(JSONFault) {
        contents.pointee.text = text.assumingMemoryBound(to: UInt8.self)
        try JSONParser.parse(contents.pointee.text, onto: &contents.pointee.tape)
        // The null entry that `superDecoder` reads for a missing key.
        let end = UInt32(truncatingIfNeeded: contents.pointee.tape.count + 1)
        contents.pointee.tape.append(JSONEntry(start: 0, end: 0, next: end, kind: .null))
    }

    /// Drops the reference to the text.
    func close() {
        contents.pointee.text = UnsafeBufferPointer(start: nil, count: 0)
        if !contents.pointee.sortedKeys.isEmpty { contents.pointee.sortedKeys = [:] }
    }

    /// Copies the text into the document, for decoders that outlive the call.
    func detach() {
        let copy = SharedBytes(copying: UnsafeRawBufferPointer(contents.pointee.text))
        contents.pointee.text = copy.bytes.assumingMemoryBound(to: UInt8.self)
        contents.pointee.copy = copy
    }

    var isWorthKeeping: Bool { contents.pointee.tape.capacity <= Self.keptEntries }

    // MARK: Entries

    /// The index of the null entry that stands for a missing value.
    var missing: Int { contents.pointee.tape.count - 1 }

    @inline(__always)
    subscript(index: Int) -> JSONEntry { contents.pointee.tape.entries[index] }

    /// The text of a value that is neither an object nor an array.
    @inline(__always)
    func text(_ entry: JSONEntry) -> UnsafeBufferPointer<UInt8> {
        // A text that has an entry is not empty.
        UnsafeBufferPointer(start: contents.pointee.text.baseAddress! + Int(entry.start), count: entry.length)
    }

    @inline(__always)
    func string(_ entry: JSONEntry) -> String {
        if entry.isEscaped { return String(unescaping: text(entry)) }
        return String(utf8: UnsafeRawBufferPointer(text(entry)))!  // The parser has checked it.
    }

    // MARK: Places, for error messages

    /// The most siblings that are counted to find a value's place for an error message: an error among a million
    /// elements must stay cheap.
    private static let countedSiblings = 1024

    /// The keys and indexes that lead to an entry; incomplete if the entry has too many siblings.
    func path(to index: Int) -> [any CodingKey] {
        var path: [any CodingKey] = []
        var container = 0
        while index > container, index < missing {
            let isObject = self[container].kind == .object
            var (child, number) = (container + 1, 0)
            while Int(self[child].next) <= index {
                child = Int(self[child].next)
                number += 1
                if number > Self.countedSiblings { return path }
            }
            if isObject {
                // Keys and values alternate.
                let key = number.isMultiple(of: 2) ? child : child - 1
                path.append(JSONKey(stringValue: string(self[key])))
                if key == index { return path }
            } else {
                path.append(JSONKey(intValue: number))
            }
            container = child
        }
        return path
    }

    func context(_ index: Int, _ description: String) -> DecodingError.Context {
        let place = index < missing ? " (byte \(self[index].start))" : ""
        return DecodingError.Context(codingPath: path(to: index), debugDescription: description + place)
    }

    func mismatch(_ index: Int, _ expected: Any.Type, _ name: String) -> DecodingError {
        let kind = self[index].kind
        if kind == .null { return .valueNotFound(expected, context(index, "expected \(name), found null")) }
        return .typeMismatch(expected, context(index, "expected \(name), found \(kind.name)"))
    }
}

/// A key or an index in a coding path.
struct JSONKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) { (self.stringValue, intValue) = (stringValue, nil) }
    init(intValue: Int) { (stringValue, self.intValue) = ("Index \(intValue)", intValue) }

    static var `super`: JSONKey { JSONKey(stringValue: "super") }
}
