import MoldauRecords
import MoldauState

/// A committed change of a table.
public struct TableChange<Key, Value> {
    /// The key of the row that changed.
    public let key: Key
    /// The new value; nil if the row was deleted.
    public let value: Value?
    /// The time of the event that changed the row.
    public let timestamp: Timestamp
    /// The partition of the topic that the table is restored from. Changes of one partition come in the order in which
    /// they were made.
    public let partition: Partition
    /// The change's offset in that topic.
    public let offset: Offset
    /// How many changes were left out before this one, because the reader was too slow; 0 if none.
    public let missed: Int64
}

extension TableChange: Sendable where Key: Sendable, Value: Sendable {}
extension TableChange: Equatable where Key: Equatable, Value: Equatable {}

/// Where the changes of a table begin.
public enum ChangeStart: String, Sendable, Hashable, CaseIterable {
    /// With those that are committed from now on.
    case now
    /// With what the table holds now: for each row its last change, perhaps after some earlier ones.
    case snapshot
}

/// The committed changes of a table, as they come: made by `changes(of:)` of an application. Ends with the application.
///
/// To be read by one task. The changes that a slow reader has not taken yet are held in memory, up to a limit; then the
/// oldest of them are left out, and the next change says how many (`TableChange.missed`).
public struct TableChanges<Name: TableName>: AsyncSequence, Sendable
where Name.Key: Sendable, Name.Value: Sendable {
    /// A change.
    public typealias Element = TableChange<Name.Key, Name.Value>

    let name: Name
    /// The topic that the changes are read from.
    let topic: String
    let subscription: ChangeSubscription

    public func makeAsyncIterator() -> Iterator {
        Iterator(
            key: name.key.at(topic, .key), value: name.value.at(topic, .value), store: name.name,
            subscription: subscription)
    }

    /// Takes the changes, one at a time.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let key: Serde<Name.Key>
        fileprivate let value: Serde<Name.Value>
        fileprivate let store: String
        fileprivate let subscription: ChangeSubscription
        private var taken: ArraySlice<LoggedChange> = []
        private var missed: Int64 = 0

        fileprivate init(
            key: Serde<Name.Key>, value: Serde<Name.Value>, store: String, subscription: ChangeSubscription
        ) {
            (self.key, self.value, self.store, self.subscription) = (key, value, store, subscription)
        }

        /// The next change, once it is committed; nil after the application has ended.
        /// - Throws: `CancellationError`; `StateError.damaged` for bytes that are not of the name's types;
        ///   `ClusterError` if the changes cannot be read any more.
        public mutating func next() async throws -> TableChange<Name.Key, Name.Value>? {
            while taken.isEmpty {
                guard let more = try await subscription.next() else { return nil }
                taken = more.changes[...]
                missed += more.missed
            }
            let change = taken.removeFirst()
            defer { missed = 0 }
            return TableChange(
                key: try decoded(change.key, key), value: try change.value.map { try decoded($0, value) },
                timestamp: change.timestamp, partition: change.partition.partition, offset: change.offset,
                missed: missed)
        }

        private func decoded<Part>(_ bytes: [UInt8], _ serde: Serde<Part>) throws -> Part {
            do { return try serde.value(of: bytes) } catch {
                throw StateError.damaged(store: store, reason: "\(error)")
            }
        }
    }
}

/// A record of a topic that a table is restored from.
struct LoggedChange: Sendable {
    let partition: TopicPartition
    let offset: Offset
    let timestamp: Timestamp
    let key: [UInt8]
    let value: [UInt8]?
}
