import MoldauRecords

/// What has been encoded of a value so far: a tree of nodes over one buffer of text. Its serde keeps it and reuses it
/// for the next record.
///
/// Encoders may be filled in any order, but an object's keys are written sorted; so the text is collected first, and
/// `write` puts it in order. The fields are behind pointers, because each access to a variable of a class costs an
/// exclusivity check.
final class JSONOutline {
    /// A value, together with its key if it is in an object.
    struct Node {
        enum Kind: UInt8 {
            /// Nothing has been encoded yet; written as `{}`.
            case empty
            /// A single value; all of its text follows the key.
            case text
            case object, array
            /// Its encoding failed; it is not written.
            case removed
        }

        var kind = Kind.empty
        /// Where the quoted key and its colon begin in the buffer.
        var start = 0
        /// The length of the quoted key and colon in bytes; 0 in arrays.
        var keyLength = 0
        /// Where the value's text ends. The text of an object or array is only its key.
        var end = 0
        var parent = 0
        var childCount = 0
        /// 0 means none: the root has index 0 and is never a child or sibling.
        var firstChild = 0
        var lastChild = 0
        var nextSibling = 0
    }

    /// Above this many bytes of text or of nodes the memory is not kept for the next record.
    private static let keptBytes = 1 << 20

    let nodes: UnsafeMutablePointer<NodeList>
    let buffer: UnsafeMutablePointer<ByteWriter>

    init() {
        nodes = .allocate(capacity: 1)
        nodes.initialize(to: NodeList())
        buffer = .allocate(capacity: 1)
        buffer.initialize(to: ByteWriter(capacity: 1024))
    }

    deinit {
        nodes.deinitialize(count: 1)
        nodes.deallocate()
        buffer.deinitialize(count: 1)
        buffer.deallocate()
    }

    /// Starts a document with one empty node, the root.
    func open() {
        nodes.pointee.removeAll()
        buffer.pointee.removeAll()
        nodes.pointee.append(Node())
    }

    var isWorthKeeping: Bool {
        buffer.pointee.count <= Self.keptBytes && nodes.pointee.count * MemoryLayout<Node>.size <= Self.keptBytes
    }

    @inline(__always)
    subscript(index: Int) -> Node {
        get { nodes.pointee.memory[index] }
        _modify { yield &nodes.pointee.memory[index] }
    }

    // MARK: Building

    /// Makes a node an object or array; no-op if it is one already.
    func become(_ kind: Node.Kind, _ index: Int) {
        let old = self[index].kind
        precondition(
            old == .empty || old == .removed || old == kind,
            "a value must be encoded as one of an object, an array or a single value")
        self[index].kind = kind
    }

    /// Empties a node whose encoding failed.
    func remove(_ index: Int) {
        self[index].kind = .removed
        self[index].childCount = 0
        self[index].firstChild = 0
    }

    /// Adds an element to an array.
    @inline(__always)
    func addElement(to parent: Int) -> Int {
        let place = buffer.pointee.count
        return add(Node(start: place, end: place, parent: parent))
    }

    /// Adds a field to an object.
    @inline(__always)
    func addField(_ key: some CodingKey, to parent: Int) -> Int {
        let start = buffer.pointee.count
        buffer.pointee.append(quoted: key.stringValue)
        buffer.pointee.append(byte: UInt8(ascii: ":"))
        let end = buffer.pointee.count
        return add(Node(start: start, keyLength: end - start, end: end, parent: parent))
    }

    @inline(__always)
    private func add(_ node: Node) -> Int {
        let (parent, index) = (node.parent, nodes.pointee.count)
        nodes.pointee.append(node)
        let memory = nodes.pointee.memory
        if memory[parent].childCount == 0 {
            memory[parent].firstChild = index
        } else {
            memory[memory[parent].lastChild].nextSibling = index
        }
        memory[parent].lastChild = index
        memory[parent].childCount += 1
        return index
    }

    /// Sets a node's text.
    @inline(__always)
    func setText(_ index: Int, _ write: (inout ByteWriter) -> Void) {
        if self[index].end != buffer.pointee.count { moveToEnd(index) }
        write(&buffer.pointee)
        self[index].end = buffer.pointee.count
        self[index].kind = .text
    }

    /// Copies a node's key to the end of the buffer, so that its value can follow.
    private func moveToEnd(_ index: Int) {
        let (start, length) = (self[index].start, self[index].keyLength)
        self[index].start = buffer.pointee.count
        let target = buffer.pointee.reserve(length)
        // A writer always has memory.
        target.copyMemory(from: buffer.pointee.bytes.baseAddress! + start, byteCount: length)
        buffer.pointee.advance(by: length)
    }

    /// The keys and indexes that lead to a node.
    func path(to index: Int) -> [any CodingKey] {
        guard index > 0 else { return [] }
        return path(to: self[index].parent) + [key(of: index)]
    }

    private func key(of index: Int) -> JSONKey {
        let node = self[index]
        if node.keyLength > 0 {
            let text = buffer.pointee.bytes[(node.start + 1)..<(node.start + node.keyLength - 2)]
            return JSONKey(stringValue: String(decoding: text, as: UTF8.self))
        }
        var (sibling, number) = (self[node.parent].firstChild, 0)
        while sibling != index {
            sibling = self[sibling].nextSibling
            number += 1
        }
        return JSONKey(intValue: number)
    }

    // MARK: Writing

    /// Appends a node and everything inside it to `writer`.
    func write(_ index: Int, to writer: inout ByteWriter) {
        let node = self[index]
        writer.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer.pointee.bytes[node.start..<node.end]))
        switch node.kind {
        case .text, .removed: break
        case .empty: writer.append(contentsOf: Array("{}".utf8))
        case .object: writeObject(node, to: &writer)
        case .array:
            writer.append(byte: UInt8(ascii: "["))
            var (child, isFirst) = (node.firstChild, true)
            while child != 0 {
                if self[child].kind != .removed { writeChild(child, &isFirst, to: &writer) }
                child = self[child].nextSibling
            }
            writer.append(byte: UInt8(ascii: "]"))
        }
    }

    private func writeChild(_ child: Int, _ isFirst: inout Bool, to writer: inout ByteWriter) {
        if !isFirst { writer.append(byte: UInt8(ascii: ",")) }
        isFirst = false
        write(child, to: &writer)
    }

    /// Writes an object's fields sorted by key; if a key was encoded twice, only the last one.
    private func writeObject(_ node: Node, to writer: inout ByteWriter) {
        writer.append(byte: UInt8(ascii: "{"))
        withUnsafeTemporaryAllocation(of: Int.self, capacity: node.childCount) { fields in
            var (child, count) = (node.firstChild, 0)
            while child != 0 {
                if self[child].kind != .removed {
                    fields[count] = child
                    count += 1
                }
                child = self[child].nextSibling
            }
            let sorted = UnsafeMutableBufferPointer(rebasing: fields[..<count])
            sort(sorted)
            var isFirst = true
            for place in sorted.indices {
                if place + 1 < count, compareKeys(sorted[place], sorted[place + 1]) == 0 { continue }
                writeChild(sorted[place], &isFirst, to: &writer)
            }
        }
        writer.append(byte: UInt8(ascii: "}"))
    }

    private func sort(_ fields: UnsafeMutableBufferPointer<Int>) {
        guard fields.count <= 16 else {
            var fields = fields
            return fields.sort { one, other in
                let order = compareKeys(one, other)
                return order == 0 ? one < other : order < 0
            }
        }
        for place in fields.indices.dropFirst() {
            let field = fields[place]
            var gap = place
            while gap > 0, compareKeys(fields[gap - 1], field) > 0 {
                fields[gap] = fields[gap - 1]
                gap -= 1
            }
            fields[gap] = field
        }
    }

    /// Compares two keys by their bytes as written.
    @inline(__always)
    private func compareKeys(_ one: Int, _ other: Int) -> Int {
        let bytes = buffer.pointee.bytes
        let (one, other) = (self[one], self[other])
        // The end without the quote and the colon.
        let (oneEnd, otherEnd) = (one.start + one.keyLength - 2, other.start + other.keyLength - 2)
        var (left, right) = (one.start + 1, other.start + 1)
        while left < oneEnd, right < otherEnd {
            if bytes[left] != bytes[right] { return Int(bytes[left]) - Int(bytes[right]) }
            left += 1
            right += 1
        }
        return one.keyLength - other.keyLength
    }

    /// A list of nodes that keeps its memory.
    struct NodeList: ~Copyable {
        private(set) var memory: UnsafeMutablePointer<Node>
        private(set) var count = 0
        private var capacity = 32

        init() { memory = .allocate(capacity: capacity) }

        deinit { memory.deallocate() }

        mutating func removeAll() { count = 0 }

        @inline(__always)
        mutating func append(_ node: Node) {
            if count == capacity { grow() }
            (memory + count).initialize(to: node)
            count += 1
        }

        private mutating func grow() {
            let larger = UnsafeMutablePointer<Node>.allocate(capacity: 2 * capacity)
            larger.moveInitialize(from: memory, count: count)
            memory.deallocate()
            memory = larger
            capacity *= 2
        }
    }
}
