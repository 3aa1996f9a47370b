import MoldauRecords
import MoldauState

/// A committed change of a table, or of an aggregate of windows or sessions.
public struct TableChange<Key, Value> {
    /// The key of the row that changed: for windows and sessions a `Windowed` key.
    public let key: Key
    /// The new value; nil if the row was deleted, as a session is when it is merged with another.
    public let value: Value?
    /// The timestamp of the event that changed the row; for a session its end, for a deleted window its start.
    public let timestamp: Timestamp
    /// The partition of the topic that the table is restored from. Changes of one partition come in the order in which
    /// they were made.
    public let partition: Partition
    /// The change's offset in that topic.
    public let offset: Offset
    /// How many changes were dropped before this one because the reader was too slow; 0 if none.
    public let missed: Int64
}

extension TableChange: Sendable where Key: Sendable, Value: Sendable {}
extension TableChange: Equatable where Key: Equatable, Value: Equatable {}

/// Where the changes of a table begin.
public enum ChangeStart: String, Sendable, Hashable, CaseIterable {
    /// With those committed from now on.
    case now
    /// With the table's present contents: the last change of each row, possibly after some earlier ones. Expired
    /// windows and sessions are included until they are deleted from the changelog.
    case snapshot
}

/// The committed changes of a table, or of an aggregate of windows or sessions, as they arrive: made by `changes(of:)`
/// of an application. Ends with the application.
///
/// Must be read by one task. Changes that a slow reader has not taken yet are buffered in memory, up to a limit; then
/// the oldest are dropped, and the next change says how many (`TableChange.missed`).
public struct TableChanges<Name: FollowableStoreName>: AsyncSequence, Sendable
where Name.Key: Sendable, Name.Value: Sendable {
    /// A change.
    public typealias Element = TableChange<Name.RowKey, Name.Value>

    let row: FollowedRow<Name>
    let subscription: ChangeSubscription

    public func makeAsyncIterator() -> Iterator { Iterator(row: row, subscription: subscription) }

    /// Takes the changes, one at a time.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let row: FollowedRow<Name>
        fileprivate let subscription: ChangeSubscription
        private var taken: ArraySlice<LoggedChange> = []
        private var missed: Int64 = 0

        fileprivate init(row: FollowedRow<Name>, subscription: ChangeSubscription) {
            (self.row, self.subscription) = (row, subscription)
        }

        /// The next change, once it is committed; nil after the application has ended.
        /// - Throws: `CancellationError`; `StateError.damaged` for bytes that are not of the name's types;
        ///   `ClusterError` if the changes can no longer be read.
        public mutating func next() async throws -> TableChange<Name.RowKey, Name.Value>? {
            while taken.isEmpty {
                guard let more = try await subscription.next() else { return nil }
                taken = more.changes[...]
                missed += more.missed
            }
            let change = taken.removeFirst()
            defer { missed = 0 }
            return try row.changed(by: change, missed: missed)
        }
    }
}

/// Decodes the rows of a followed store.
package struct FollowedRow<Name: FollowableStoreName>: Sendable {
    private let store: String
    private let key: Serde<Name.RowKey>
    private let value: Serde<Name.Value>

    /// - Parameters:
    ///   - topic: the topic that the changes are read from.
    ///   - windowSize: the window size, for a store of windows.
    init(_ name: Name, in topic: String, windowSize: Duration) {
        store = name.name
        key = name.rowKey(in: topic, windowSize: windowSize)
        value = name.value.at(topic, .value)
    }

    /// - Throws: `StateError.damaged` for bytes that are not of the name's types.
    package func changed(by change: LoggedChange, missed: Int64) throws -> TableChange<Name.RowKey, Name.Value> {
        do {
            return TableChange(
                key: try key.value(of: change.key), value: try change.value.map { try value.value(of: $0) },
                timestamp: change.timestamp, partition: change.partition.partition, offset: change.offset,
                missed: missed)
        } catch { throw StateError.damaged(store: store, reason: "\(error)") }
    }
}

/// A record of a topic that a table is restored from.
package struct LoggedChange: Sendable {
    let partition: TopicPartition
    let offset: Offset
    let timestamp: Timestamp
    let key: [UInt8]
    let value: [UInt8]?
}
