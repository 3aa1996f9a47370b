public import MoldauRecords
internal import Synchronization

/// What has become of a batch: its records know it together. One that was found too large is known by its parts.
final class BatchOutcome: Sendable {
    /// Where a batch was appended.
    struct Place: Sendable, Equatable {
        /// nil if nobody has told.
        var baseOffset: Offset?
        /// The broker's time, where the topic has its records carry that.
        var appendTime: Timestamp?
    }

    /// What goes on in place of a batch that was split.
    struct Part: Sendable {
        /// The place of its first record in the batch.
        let first: Int
        let outcome: BatchOutcome
    }

    /// What a batch becomes.
    private enum Step {
        case known(Result<Place, ClientError>)
        case split([Part])
    }

    private enum State {
        case open([@Sendable () -> Void])
        case over(Step)
    }

    let partition: TopicPartition
    private let state = Mutex(State.open([]))

    init(_ partition: TopicPartition) { self.partition = partition }

    func become(_ result: Result<Place, ClientError>) { become(.known(result)) }

    /// Its records go on in these batches.
    func split(into parts: [Part]) { become(.split(parts)) }

    private func become(_ step: Step) {
        let waiting = state.withLock { state -> [@Sendable () -> Void] in
            guard case .open(let waiting) = state else { return [] }
            state = .over(step)
            return waiting
        }
        for tell in waiting { tell() }
    }

    /// - Returns: what it has become; nil if that is not known yet: then `tell` is called.
    private func step(orTell tell: @escaping @Sendable () -> Void) -> Step? {
        state.withLock { state in
            switch state {
            case .over(let step): return step
            case .open(var waiting):
                state = .open([])  // So that the array is not copied.
                waiting.append(tell)
                state = .open(waiting)
                return nil
            }
        }
    }

    private func step() async throws -> Step {
        let answer = OneAnswer<Void>()
        while true {
            if let step = step(orTell: { answer.give(.success(())) }) { return step }
            try await answer.get()
        }
    }

    /// Waits until it is known where a record is.
    /// - Returns: the place of its batch, and its own in that.
    /// - Throws: `ClientError`; `CancellationError` once the task is cancelled: the records are sent all the same.
    func place(of index: Int) async throws -> (place: Place, index: Int) {
        switch try await step() {
        case .known(let result): return (try result.get(), index)
        case .split(let parts):
            guard let part = parts.last(where: { $0.first <= index }) else { throw ClientError.closed }
            return try await part.outcome.place(of: index - part.first)
        }
    }

    /// Calls `body` once it is known where a record is: at once if it is already.
    func whenKnown(
        _ index: Int, _ body: @escaping @Sendable (Result<(place: Place, index: Int), ClientError>) -> Void
    ) {
        guard let step = step(orTell: { self.whenKnown(index, body) }) else { return }
        switch step {
        case .known(let result): body(result.map { ($0, index) })
        case .split(let parts):
            guard let part = parts.last(where: { $0.first <= index }) else { return body(.failure(.closed)) }
            part.outcome.whenKnown(index - part.first, body)
        }
    }

    /// Waits until all records have an outcome.
    /// - Returns: what was wrong with each record that was not delivered, in order.
    func errors(of count: Int) async throws -> [ClientError] {
        var errors: [ClientError] = []
        for index in 0..<count {
            do { _ = try await place(of: index) } catch let error as ClientError { errors.append(error) }
        }
        return errors
    }

    /// Waits until all records have an outcome.
    /// - Parameter count: how many there are.
    /// - Returns: the offset behind the last of them; nil if nobody has told.
    /// - Throws: the first `ClientError` of them; `CancellationError`.
    func end(of count: Int) async throws -> Offset? {
        switch try await step() {
        case .known(let result): return try result.get().baseOffset.map { $0 + Int64(count) }
        case .split(let parts):
            var (end, first) = (Offset?.none, ClientError?.none)
            for (place, part) in parts.enumerated() {
                let next = place + 1 < parts.count ? parts[place + 1].first : count
                do {
                    end = try await part.outcome.end(of: next - part.first)
                } catch let error as ClientError {
                    first = first ?? error
                }
            }
            if let first { throw first }
            return end
        }
    }
}

/// A record that was taken for sending, and may be on its way.
public struct Acknowledgement: Sendable {
    let outcome: BatchOutcome
    let index: Int
    let timestamp: Timestamp

    /// The partition that the record goes to.
    public var partition: TopicPartition { outcome.partition }

    /// Whether the other record travels in the same batch: both are delivered, or neither.
    package func sharesBatch(with other: Acknowledgement) -> Bool { outcome === other.outcome }

    /// Waits until the record is delivered as far as `acks` asks.
    /// - Throws: `ClientError` if it is not; `CancellationError` once the task is cancelled: the record is sent all the
    ///   same.
    public func position() async throws -> RecordPosition {
        let found = try await outcome.place(of: index)
        return position(found.place, found.index)
    }

    /// Calls `body` once the record is delivered, or is not: a callback of Kafka's `send`. Those of one partition are
    /// called in the order of its records, unless they are asked for when the outcome is known already.
    /// - Parameter body: called once, on a thread that sends other records, or before this returns: it must not block.
    public func whenKnown(_ body: @escaping @Sendable (Result<RecordPosition, ClientError>) -> Void) {
        outcome.whenKnown(index) { result in body(result.map { position($0.place, $0.index) }) }
    }

    private func position(_ place: BatchOutcome.Place, _ index: Int) -> RecordPosition {
        RecordPosition(
            partition: partition, offset: place.baseOffset.map { $0 + Int64(index) },
            timestamp: place.appendTime ?? timestamp)
    }
}

/// Where a record was appended.
public struct RecordPosition: Hashable, Sendable {
    /// The partition.
    public let partition: TopicPartition
    /// The offset; nil with `acks` 0, and where a repeated request was answered without it.
    public let offset: Offset?
    /// The record's time; the broker's where the topic has it so (`message.timestamp.type`).
    public let timestamp: Timestamp
}
