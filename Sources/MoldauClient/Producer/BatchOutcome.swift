public import MoldauRecords
internal import Synchronization

/// The outcome of a batch, shared by its records. A batch that was too large has the outcomes of its parts.
final class BatchOutcome: Sendable {
    /// Where a batch was appended.
    struct Place: Sendable, Equatable {
        /// nil if the broker did not return it.
        var baseOffset: Offset?
        /// The broker's timestamp, if the topic is configured to use it.
        var appendTime: Timestamp?
    }

    /// A part of a batch that was split.
    struct Part: Sendable {
        /// The index of its first record in the batch.
        let first: Int
        let outcome: BatchOutcome
    }

    /// The next state of a batch.
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

    /// The batch continues as these parts.
    func split(into parts: [Part]) { become(.split(parts)) }

    private func become(_ step: Step) {
        let waiting = state.withLock { state -> [@Sendable () -> Void] in
            guard case .open(let waiting) = state else { return [] }
            state = .over(step)
            return waiting
        }
        for tell in waiting { tell() }
    }

    /// - Returns: the next state; nil if it is not known yet: then `tell` is called later.
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

    /// Waits until the position of a record is known.
    /// - Returns: the place of its batch, and its index in that.
    /// - Throws: `ClientError`; `CancellationError` if the task is cancelled, but the records are still sent.
    func place(of index: Int) async throws -> (place: Place, index: Int) {
        switch try await step() {
        case .known(let result): return (try result.get(), index)
        case .split(let parts):
            guard let part = parts.last(where: { $0.first <= index }) else { throw ClientError.closed }
            return try await part.outcome.place(of: index - part.first)
        }
    }

    /// Calls `body` once the position of a record is known, at once if it already is.
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
    /// - Returns: the errors of the records that were not delivered, in order.
    func errors(of count: Int) async throws -> [ClientError] {
        var errors: [ClientError] = []
        for index in 0..<count {
            do { _ = try await place(of: index) } catch let error as ClientError { errors.append(error) }
        }
        return errors
    }

    /// Waits until all records have an outcome.
    /// - Parameter count: the number of records.
    /// - Returns: the offset after the last of them; nil if the broker did not return it.
    /// - Throws: their first `ClientError`; `CancellationError`.
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

/// A record that was enqueued for sending, and may be in flight.
public struct Acknowledgement: Sendable {
    let outcome: BatchOutcome
    let index: Int
    let timestamp: Timestamp

    /// The record's partition.
    public var partition: TopicPartition { outcome.partition }

    /// Whether the other record is in the same batch: either both are delivered, or neither.
    package func sharesBatch(with other: Acknowledgement) -> Bool { outcome === other.outcome }

    /// Waits until the record is delivered, as `acks` requires.
    /// - Throws: `ClientError` if it is not delivered; `CancellationError` if the task is cancelled, but the record is
    ///   still sent.
    public func position() async throws -> RecordPosition {
        let found = try await outcome.place(of: index)
        return position(found.place, found.index)
    }

    /// Calls `body` once the record is delivered or has failed: the callback of Kafka's `send`. Callbacks of one
    /// partition are called in the order of its records, unless they are registered when the outcome is already known.
    /// - Parameter body: called once, on a thread that sends other records, or before this call returns: it must not
    ///   block.
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
    /// The offset; nil with `acks` 0, and if a retried request was answered without it.
    public let offset: Offset?
    /// The record's timestamp; the broker's if the topic is configured so (`message.timestamp.type`).
    public let timestamp: Timestamp
}
