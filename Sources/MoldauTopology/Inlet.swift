import MoldauRecords

/// The input of a node. Nodes call each other through inlets: a record runs to the end of the sub-topology in one call.
@usableFromInline package struct Inlet<Key, Value> {
    /// Receives a record.
    @usableFromInline package typealias Receive = (Record<Key, Value>) throws -> Void
    /// Called with the next records, as stored in their topic. A hint: some of them may never arrive.
    @usableFromInline package typealias Expect = (UnsafeBufferPointer<RecordView>) -> Void

    /// Receives a record as its parts, which the caller still owns: nothing is copied or reference-counted on the way,
    /// as it is if a new record is built from parts of another. Nodes on the path of most records should take and pass
    /// on parts.
    @usableFromInline package typealias ReceiveParts = (Key, Value, Timestamp, Headers) throws -> Void

    /// Receives a record. A node defines either this or `receiveParts`; the other is derived from it.
    @usableFromInline package let receive: Receive
    /// Like `receive`, for a record in parts.
    @usableFromInline package let receiveParts: ReceiveParts
    /// For nodes that can prepare for records in advance; called by a source directly above the node.
    @usableFromInline package let expect: Expect?

    /// An inlet that receives whole records.
    @inlinable package init(expecting expect: Expect? = nil, _ receive: @escaping Receive) {
        self.receive = receive
        receiveParts = { key, value, timestamp, headers in
            try receive(Record(key: key, value: value, timestamp: timestamp, headers: headers))
        }
        self.expect = expect
    }

    /// An inlet that receives records in parts.
    @inlinable package init(expecting expect: Expect? = nil, parts: @escaping ReceiveParts) {
        receive = { record in try parts(record.key, record.value, record.timestamp, record.headers) }
        receiveParts = parts
        self.expect = expect
    }

    /// A single inlet that passes each record to all of `inlets`, in order.
    @inlinable package init(fanningOutTo inlets: [Inlet]) {
        switch inlets.count {
        case 0: self.init(parts: { _, _, _, _ in })
        case 1: self = inlets[0]
        case 2:
            let (first, second) = (inlets[0].receiveParts, inlets[1].receiveParts)
            self.init(parts: { key, value, timestamp, headers in
                try first(key, value, timestamp, headers)
                try second(key, value, timestamp, headers)
            })
        default:
            let all = ContiguousArray(inlets.map(\.receiveParts))
            self.init(parts: { key, value, timestamp, headers in
                for receive in all { try receive(key, value, timestamp, headers) }
            })
        }
    }
}

extension Inlet {
    /// The same inlet, counting the records.
    func counted(by passed: PassedCount) -> Inlet {
        let receive = receive
        return Inlet { record in
            passed.add()
            try receive(record)
        }
    }
}

/// The number of records that a node has passed on.
@usableFromInline package final class PassedCount {
    // Behind a pointer: each write to a variable of a class costs an exclusivity check, in other modules even if the
    // variable is marked as unchecked.
    @usableFromInline let place: UnsafeMutablePointer<Int64>

    init() {
        place = .allocate(capacity: 1)
        place.initialize(to: 0)
    }

    deinit { place.deallocate() }

    package var value: Int64 { place.pointee }

    /// Counts a record.
    @inlinable @inline(__always) package func add() { place.pointee &+= 1 }
}

/// An update of a table's row: the new row and, if a node downstream needs it, the old one. nil means "no row".
@usableFromInline package struct Change<Value> {
    /// The row after the change; nil if it was deleted.
    @usableFromInline package var new: Value?
    /// The row before the change, if a downstream node needs it.
    @usableFromInline package var old: Value?
    /// False for a late update of a versioned table: it changed the history, not the current row.
    @usableFromInline package var isLatest: Bool

    /// A change of a row from `old` to `new`.
    @inlinable package init(new: Value?, old: Value?, isLatest: Bool = true) {
        self.new = new
        self.old = old
        self.isLatest = isLatest
    }
}

extension Change: Sendable where Value: Sendable {}
extension Change: Equatable where Value: Equatable {}
