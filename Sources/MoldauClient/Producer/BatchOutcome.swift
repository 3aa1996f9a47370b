public import MoldauRecords
internal import Synchronization

/// What has become of a batch: its records know it together.
final class BatchOutcome: Sendable {
    /// Where a batch was appended.
    struct Place: Sendable, Equatable {
        /// nil if nobody has told.
        var baseOffset: Offset?
        /// The broker's time, where the topic has its records carry that.
        var appendTime: Timestamp?
    }

    private enum State {
        case open([OneAnswer<Place>])
        case known(Result<Place, ClientError>)
    }

    let partition: TopicPartition
    private let state = Mutex(State.open([]))

    init(_ partition: TopicPartition) { self.partition = partition }

    func become(_ result: Result<Place, ClientError>) {
        let waiting = state.withLock { state -> [OneAnswer<Place>] in
            guard case .open(let waiting) = state else { return [] }
            state = .known(result)
            return waiting
        }
        for answer in waiting { answer.give(result.mapError { $0 }) }
    }

    /// Waits until it is known.
    /// - Throws: `ClientError`; `CancellationError` once the task is cancelled: the records are sent all the same.
    func place() async throws -> Place {
        let answer = OneAnswer<Place>()
        let known = state.withLock { state -> Result<Place, ClientError>? in
            switch state {
            case .known(let result): return result
            case .open(var waiting):
                state = .open([])  // So that the array is not copied.
                waiting.append(answer)
                state = .open(waiting)
                return nil
            }
        }
        return if let known { try known.get() } else { try await answer.get() }
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
        let place = try await outcome.place()
        return RecordPosition(
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
