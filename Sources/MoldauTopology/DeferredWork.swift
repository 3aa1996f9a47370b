import MoldauRecords

/// A node that forwards results later than the records they belong to. The task calls `resume` once per round.
///
/// The task commits only when all its deferred work is settled: when an input offset is committed, all results of its
/// record have been forwarded, and stores hold the effects of committed records only.
@usableFromInline package protocol DeferredWork: AnyObject {
    /// Whether the task must take no more records until results have been forwarded.
    var isFull: Bool { get }
    /// The number of records whose results have not been forwarded yet.
    var count: Int { get }
    /// Whether results may arrive without the clock being advanced.
    var isRunning: Bool { get }
    /// The task's stream time at the last record whose result was forwarded.
    var settledStreamTime: Timestamp { get }
    /// Collects finished results, starts what is due, and forwards results.
    /// - Returns: how many records got their results.
    func resume() throws -> Int
}

/// The context of the record that a task is processing, kept so that a node can continue with it later.
@usableFromInline package struct RecordSituation {
    /// The task's stream time when the record was taken.
    @usableFromInline package let streamTime: Timestamp
    let origin: RecordOrigin?
    let original: OriginalRecord?
    let diversion: Diversion?
    /// The record's span, which lasts until its results are forwarded.
    package let span: (any RecordSpan)?
}

/// A copy of a record of an input topic, in bytes.
@usableFromInline package struct OriginalRecord: Sendable {
    /// The place of the record.
    @usableFromInline package var origin: RecordOrigin
    @usableFromInline package var key: [UInt8]?
    @usableFromInline package var value: [UInt8]?
    /// The time of the event.
    @usableFromInline package var timestamp: Timestamp
    /// The record's headers.
    @usableFromInline package var headers: Headers

    /// A record of an input topic from its parts.
    @usableFromInline package init(
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
    @usableFromInline package var situation: RecordSituation {
        RecordSituation(
            streamTime: streamTime, origin: origin, original: outbox.originalRecord, diversion: diversion,
            span: traces?.current)
    }

    /// Runs `body` in the situation of an earlier record: nodes downstream see its origin and the stream time at which
    /// it was taken, and it is the record that is diverted or sent to a dead-letter topic.
    @usableFromInline package func inSituation(_ situation: RecordSituation, _ body: () throws -> Void) throws {
        let before = (origin, outbox.resumed, diversion)
        (origin, outbox.resumed, diversion) = (situation.origin, situation.original, situation.diversion)
        defer { (origin, outbox.resumed, diversion) = before }
        try at(streamTime: situation.streamTime) {
            try following(situation.span) {
                try body()
                var diversion = situation.diversion
                while let inner = diversion {
                    try inner.finish(in: self)
                    diversion = inner.outer
                }
            }
        }
    }

    /// Runs `body` with that span as the current one, which may be nil.
    @usableFromInline package func following(_ span: (any RecordSpan)?, _ body: () throws -> Void) throws {
        guard let traces else { return try body() }
        try traces.following(span, body)
    }

    /// Forwards something kept from earlier records while another record is being processed; a drop of it does not
    /// divert the current record.
    @usableFromInline package func onBehalf(of origin: RecordOrigin?, _ body: () throws -> Void) rethrows {
        let before = (self.origin, diversion, traces?.current)
        if origin != before.0 { traces?.current = nil }
        (self.origin, diversion) = (origin, nil)
        defer {
            (self.origin, diversion) = (before.0, before.1)
            traces?.current = before.2
        }
        try body()
    }

    /// Resumes the deferred work of all nodes, parents before children: tasks wire children first.
    /// - Returns: how many records got their results.
    @usableFromInline package func resumeDeferredWork() throws -> Int {
        try deferredWork.reversed().reduce(0) { try $0 + $1.resume() }
    }

    /// Whether the task must take no more records until results have been forwarded.
    @usableFromInline package var isFull: Bool { deferredWork.contains(where: \.isFull) }
    /// The number of records whose results have not been forwarded yet, in all nodes together.
    @usableFromInline package var deferredCount: Int { deferredWork.reduce(0) { $0 + $1.count } }
    /// Whether results may arrive without the clock being advanced.
    @usableFromInline package var isAwaitingResults: Bool { deferredWork.contains(where: \.isRunning) }

    /// The stream time up to which everything has been forwarded: stream-time punctuations use it.
    @usableFromInline package var settledStreamTime: Timestamp {
        deferredWork.reduce(streamTime) { $1.count == 0 ? $0 : min($0, $1.settledStreamTime) }
    }
}
