#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Finds the fields of one object by key, compared byte by byte. If a key occurs twice, the first counts, as in
/// Foundation.
struct JSONFields {
    /// Up to this many fields a linear search is fastest.
    private static let linearLimit = 24

    let document: JSONDocument
    let object: Int

    init(_ document: JSONDocument, _ object: Int) {
        self.document = document
        self.object = object
        if document[object].count > Self.linearLimit, document.contents.pointee.sortedKeys[object] == nil {
            document.contents.pointee.sortedKeys[object] = sorted()
        }
    }

    /// The index of the key's value.
    @inline(__always)
    func value(of key: some CodingKey) -> Int? {
        var name = key.stringValue
        return name.withUTF8 { find($0) }.map { $0 + 1 }
    }

    /// Each distinct key, in the document's order.
    var keys: [String] {
        var found: [String] = []
        forEachKey { index in
            var name = document.string(document[index])
            if name.withUTF8({ find($0) }) == index { found.append(name) }
        }
        return found
    }

    @inline(__always)
    private func forEachKey(_ body: (Int) -> Void) {
        var index = object + 1
        for _ in 0..<document[object].count {
            body(index)
            index = Int(document[index + 1].next)
        }
    }

    @inline(__always)
    private func find(_ name: UnsafeBufferPointer<UInt8>) -> Int? {
        let count = document[object].count
        if count > Self.linearLimit { return search(name) }
        var index = object + 1
        for _ in 0..<count {
            let key = document[index]
            if key.isEscaped ? compare(index, name) == 0 : equal(document.text(key), name) { return index }
            index = Int(document[index + 1].next)
        }
        return nil
    }

    @inline(__always)
    private func equal(_ one: UnsafeBufferPointer<UInt8>, _ other: UnsafeBufferPointer<UInt8>) -> Bool {
        // Neither is empty where their bytes are compared.
        one.count == other.count && (one.isEmpty || memcmp(one.baseAddress!, other.baseAddress!, one.count) == 0)
    }

    // MARK: Large objects

    /// The indexes of the keys, sorted by text and then by position.
    private func sorted() -> [Int32] {
        var found: [Int32] = []
        found.reserveCapacity(document[object].count)
        forEachKey { found.append(Int32(truncatingIfNeeded: $0)) }
        found.sort { one, other in
            let order = withKey(Int(other)) { compare(Int(one), $0) }
            return order == 0 ? one < other : order < 0
        }
        return found
    }

    /// The index of the first key with that text.
    private func search(_ name: UnsafeBufferPointer<UInt8>) -> Int? {
        let sorted = document.contents.pointee.sortedKeys[object] ?? []
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if compare(Int(sorted[middle]), name) < 0 { low = middle + 1 } else { high = middle }
        }
        guard low < sorted.count, compare(Int(sorted[low]), name) == 0 else { return nil }
        return Int(sorted[low])
    }

    /// Negative if the key sorts before `name`, 0 if they are equal.
    private func compare(_ index: Int, _ name: UnsafeBufferPointer<UInt8>) -> Int {
        withKey(index) { key in
            let common = min(key.count, name.count)
            // Neither is empty where their bytes are compared.
            let order = common == 0 ? 0 : Int(memcmp(key.baseAddress!, name.baseAddress!, common))
            return order == 0 ? key.count - name.count : order
        }
    }

    private func withKey<Result>(_ index: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        let key = document[index]
        if !key.isEscaped { return body(document.text(key)) }
        var name = document.string(key)
        return name.withUTF8(body)
    }
}
