import MoldauRecords

/// Where a node takes records in. Nodes call each other through these: a record runs to the end of the sub-topology in one call.
public struct Inlet<Key, Value> {
    public typealias Receive = (Record<Key, Value>) throws -> Void
    /// Told which records come next, as they lie in their topic. A hint: some of them may never come.
    public typealias Expect = (UnsafeBufferPointer<RecordView>) -> Void

    public let receive: Receive
    /// For a node that can make something ready for records; called by a source directly above it.
    public let expect: Expect?

    @inlinable public init(expecting expect: Expect? = nil, _ receive: @escaping Receive) {
        self.receive = receive
        self.expect = expect
    }

    /// One inlet that hands each record to all of `inlets`, in order.
    @inlinable public init(fanningOutTo inlets: [Inlet]) {
        switch inlets.count {
        case 0: self.init { _ in }
        case 1: self = inlets[0]
        case 2:
            let (first, second) = (inlets[0].receive, inlets[1].receive)
            self.init { record in
                try first(record)
                try second(record)
            }
        default:
            let all = ContiguousArray(inlets.map(\.receive))
            self.init { record in for receive in all { try receive(record) } }
        }
    }
}

/// An update of a table's row: what it is now and, where someone downstream needs it, what it was. nil is "no row".
public struct Change<Value> {
    public var new: Value?
    public var old: Value?
    /// False for a late update of a versioned table: it changed the past, not the row as it is now.
    public var isLatest: Bool

    @inlinable public init(new: Value?, old: Value?, isLatest: Bool = true) {
        self.new = new
        self.old = old
        self.isLatest = isLatest
    }
}

extension Change: Sendable where Value: Sendable {}
extension Change: Equatable where Value: Equatable {}
