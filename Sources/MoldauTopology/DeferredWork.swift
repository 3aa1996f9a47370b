import MoldauRecords

/// A node whose results go downstream later than the records that they belong to. The task asks it to go on once a round.
///
/// The task commits only when all its deferred work is settled: an input offset that is committed has had all its
/// results, and stores hold what belongs to it and nothing more.
public protocol DeferredWork: AnyObject {
    /// Whether the task should take no record before results have gone downstream.
    var isFull: Bool { get }
    /// The records whose results did not go downstream yet.
    var count: Int { get }
    /// Whether results may come without the clock's being moved on.
    var isRunning: Bool { get }
    /// The task's stream time as it was at the last record whose result went downstream.
    var settledStreamTime: Timestamp { get }
    /// Takes in what came, begins what is due, and lets results go downstream.
    /// - Returns: how many records had their results.
    func resume() throws -> Int
}

/// What belongs to the record that a task is processing, so that a node may go on with it later.
public struct RecordSituation {
    /// The task's stream time when the record was taken.
    public let streamTime: Timestamp
    let origin: RecordOrigin?
    let original: OriginalRecord?
    let diversion: Diversion?
}

/// A record of an input topic, in bytes of its own.
public struct OriginalRecord: Sendable {
    public var origin: RecordOrigin
    public var key: [UInt8]?
    public var value: [UInt8]?
    public var timestamp: Timestamp
    public var headers: Headers

    public init(
        origin: RecordOrigin, key: [UInt8]?, value: [UInt8]?, timestamp: Timestamp, headers: Headers
    ) {
        self.origin = origin
        self.key = key
        self.value = value
        self.timestamp = timestamp
        self.headers = headers
    }
}

extension TaskContext {
    /// The situation of the record that is being processed. Copies the record's bytes.
    public var situation: RecordSituation {
        RecordSituation(streamTime: streamTime, origin: origin, original: outbox.originalRecord, diversion: diversion)
    }

    /// Goes on with a record in its own situation: those downstream see its origin and the stream time of then, and it
    /// is the one that goes aside or to a dead-letter topic.
    public func inSituation(_ situation: RecordSituation, _ body: () throws -> Void) throws {
        let before = (origin, outbox.resumed, diversion)
        (origin, outbox.resumed, diversion) = (situation.origin, situation.original, situation.diversion)
        defer { (origin, outbox.resumed, diversion) = before }
        try at(streamTime: situation.streamTime) {
            try body()
            var diversion = situation.diversion
            while let inner = diversion {
                try inner.finish(in: self)
                diversion = inner.outer
            }
        }
    }

    /// Lets what was kept of earlier records go on while another one is being processed, which then is not the one
    /// that goes aside.
    public func onBehalf(of origin: RecordOrigin?, _ body: () throws -> Void) rethrows {
        let before = (self.origin, diversion)
        (self.origin, diversion) = (origin, nil)
        defer { (self.origin, diversion) = before }
        try body()
    }

    /// Lets deferred work go on, parents before children: tasks wire children first.
    /// - Returns: how many records had their results.
    public func resumeDeferredWork() throws -> Int {
        try deferredWork.reversed().reduce(0) { try $0 + $1.resume() }
    }

    /// Whether the task should take no record before results have gone downstream.
    public var isFull: Bool { deferredWork.contains(where: \.isFull) }
    /// The records whose results did not go downstream yet, in all nodes together.
    public var deferredCount: Int { deferredWork.reduce(0) { $0 + $1.count } }
    /// Whether results may come without the clock's being moved on.
    public var isAwaitingResults: Bool { deferredWork.contains(where: \.isRunning) }

    /// Stream time as far as all that happened before it has gone downstream: what stream-time punctuations go by.
    public var settledStreamTime: Timestamp {
        deferredWork.reduce(streamTime) { $1.count == 0 ? $0 : min($0, $1.settledStreamTime) }
    }
}
