import MoldauRecords
import MoldauState

/// A committed change of a table, as JSON.
package struct UntypedChange: Sendable {
    package let key: JSONValue
    /// nil if the row was deleted.
    package let value: JSONValue?
    package let timestamp: Timestamp
    package let partition: Partition
    package let offset: Offset
}

/// The committed changes of a table, as they come: see `TableChanges`.
package struct UntypedChanges: AsyncSequence, AsyncIteratorProtocol, Sendable {
    /// What has come meanwhile, and how many changes were left out before.
    package typealias Element = (changes: [UntypedChange], missed: Int64)

    private let subscription: ChangeSubscription
    private let show: @Sendable (LoggedChange) throws -> UntypedChange

    fileprivate init<Name: TableName>(_ name: Name, in topic: String, _ subscription: ChangeSubscription) {
        let (key, value) = (name.key.at(topic, .key), name.value.at(topic, .value))
        self.subscription = subscription
        show = { change in
            UntypedChange(
                key: JSONValue(showing: try key.value(of: change.key)),
                value: try change.value.map { JSONValue(showing: try value.value(of: $0)) },
                timestamp: change.timestamp, partition: change.partition.partition, offset: change.offset)
        }
    }

    package func makeAsyncIterator() -> Self { self }

    /// Ends them: `next` returns nil as soon as what came before is taken.
    @Sendable package func end() { subscription.end(.success(())) }

    /// - Returns: nil after the application has ended.
    /// - Throws: as `TableChanges.Iterator.next`.
    package func next() async throws -> Element? {
        guard let (changes, missed) = try await subscription.next() else { return nil }
        return (try changes.map(show), missed)
    }
}

extension UntypedReader {
    /// The changes of a table from now or from a snapshot on.
    /// - Throws: `QueryError.wrongQuestion` for a store that is no table; as `changes(of:)` of an application.
    package func changes(from start: ChangeStart) async throws -> UntypedChanges {
        guard let table = name as? any TableName else {
            throw QueryError.wrongQuestion(store: name.name, questions: "queries; only the changes of tables are told")
        }
        let (topic, subscription) = try await engine.follow(name.name, from: start, limit: 1_024)
        func changes<Name: TableName>(of name: Name) -> UntypedChanges { UntypedChanges(name, in: topic, subscription) }
        return changes(of: table)
    }
}
