import MoldauRecords

/// Traces records through the application, for a tracing library. May be called on any stream thread.
@usableFromInline package protocol RecordTracing: Sendable {
    /// In each task, one in this many records without a trace begins a new trace; nil: none does.
    var newTraceEvery: Int? { get }
    /// For how many rows of each table the last writer is remembered, so that other spans can link to it.
    var linkedRows: Int { get }

    /// Begins the span of a record.
    /// - Parameter isNew: whether a record that belongs to no trace begins one.
    /// - Returns: nil if the record is not traced.
    func begin(
        _ origin: RecordOrigin, headers: Headers, task: TaskID, application: String, isNew: Bool
    ) -> (any RecordSpan)?
}

/// The span of one record on its way through a task. It ends when the object is released: after the record was
/// processed, or when its last asynchronous result is no longer needed. Owned by the task's thread.
@usableFromInline package protocol RecordSpan: AnyObject {
    /// The headers that carry its context; added to the records that result from this one.
    var fields: [Header] { get }
    /// Calls `body` with its context as the current one, for spans that user code makes.
    func asCurrent(_ body: () throws -> Void) throws
    /// Adds a link to the span whose context `fields` carry.
    func link(to fields: [Header])
    /// Records that a node dropped the record, or one that resulted from it.
    func dropped(_ reason: DropReason, at node: String)
    /// Records the error that made the processing of the record fail.
    func failed(_ error: any Error)
}

/// The spans of one task, and which records last wrote the rows of its tables.
@usableFromInline package final class TaskTraces {
    private let tracing: any RecordTracing
    private let taskID: TaskID
    private let application: String
    /// How many records from now a new trace begins: 1 for the next record.
    private var untilNew: Int
    /// By the store's name: each is a `RowWriters` of the type of the store's keys.
    private var writers: [String: AnyObject] = [:]
    /// The span of the record that is being processed; nil if it is not traced.
    package var current: (any RecordSpan)? { didSet { isFollowing = current != nil } }
    /// Whether there is a current span.
    @exclusivity(unchecked) @usableFromInline package private(set) var isFollowing = false

    package init(_ tracing: any RecordTracing, task: TaskID, application: String) {
        (self.tracing, taskID, self.application) = (tracing, task, application)
        untilNew = tracing.newTraceEvery ?? .max
    }

    /// How many records may be taken until `begin` must be called again. At least 1.
    package var allowance: Int { max(untilNew - 1, 1) }

    /// Counts the records that were taken since `allowance` was read.
    package func took(_ count: Int) { if untilNew < .max { untilNew -= count } }

    /// Begins the span of the record that is taken next.
    package func begin(_ record: RecordView, of partition: TopicPartition) -> (any RecordSpan)? {
        let isNew = untilNew <= 1
        if isNew, let every = tracing.newTraceEvery { untilNew += every }
        guard isNew || record.hasHeaders else { return nil }
        let origin = RecordOrigin(topic: partition.topic, partition: partition.partition, offset: record.offset)
        return begin(origin, headers: (try? record.headers()) ?? Headers(), isNew: isNew)
    }

    /// Begins the span of a record.
    package func begin(_ origin: RecordOrigin, headers: Headers, isNew: Bool = false) -> (any RecordSpan)? {
        tracing.begin(origin, headers: headers, task: taskID, application: application, isNew: isNew)
    }

    /// Runs `body` with `span` as the current one, which may be nil.
    package func following(_ span: (any RecordSpan)?, _ body: () throws -> Void) throws {
        let before = current
        current = span
        defer { current = before }
        guard let span else { return try body() }
        do { try span.asCurrent(body) } catch {
            // Failures of user code were recorded where it threw.
            if !(error is ProcessingFailure) { span.failed(error) }
            throw error
        }
    }

    /// The headers of a record that is sent: with the current span's context, unless they carry one already, for
    /// example that of an earlier record whose result was held back.
    @usableFromInline package func headers(sending headers: Headers) -> Headers {
        guard let fields = current?.fields, !headers.contains(where: { fields.names($0) }) else { return headers }
        return Headers(headers + fields)
    }

    /// Registers the writers of the rows of a store.
    package func remember<Key>(_ writers: RowWriters<Key>, ofStore name: String) { self.writers[name] = writers }

    /// Called when a row of that key was read: the current span links to the record that wrote it.
    @usableFromInline package func found<Key>(_ key: Key, inStore name: String) throws {
        guard let current, let writers = writers[name] as? RowWriters<Key> else { return }
        if let fields = try writers.writer(of: key) { current.link(to: fields) }
    }

    package var linkedRows: Int { tracing.linkedRows }
}

extension Headers {
    /// The same headers, with `fields` replacing those of the same names.
    @usableFromInline func replacing(_ fields: [Header]) -> Headers {
        Headers(filter { !fields.names($0) } + fields)
    }
}

extension [Header] {
    fileprivate func names(_ other: Header) -> Bool { contains { $0.name == other.name } }
}
