import MoldauRecords
import MoldauState

/// A committed change of a store, as JSON.
package struct UntypedChange: Sendable {
    package let key: JSONValue
    /// Of a store of windows or sessions.
    package let window: Window?
    /// nil if the row was deleted.
    package let value: JSONValue?
    package let timestamp: Timestamp
    package let partition: Partition
    package let offset: Offset
}

extension UntypedChange {
    fileprivate init<Name: FollowableStoreName>(_ change: TableChange<Name.RowKey, Name.Value>, of name: Name) {
        // The key of a table may be a windowed one itself: then that is what is shown.
        let windowed = change.key as? Windowed<Name.Key>
        (key, window) = (JSONValue(showing: windowed?.key ?? change.key), windowed?.window)
        value = change.value.map { JSONValue(showing: $0) }
        (timestamp, partition, offset) = (change.timestamp, change.partition, change.offset)
    }
}

/// The committed changes of a store, as they come: see `TableChanges`.
package struct UntypedChanges: AsyncSequence, AsyncIteratorProtocol, Sendable {
    /// What has come meanwhile, and how many changes were left out before.
    package typealias Element = (changes: [UntypedChange], missed: Int64)

    fileprivate let subscription: ChangeSubscription
    fileprivate let show: @Sendable (LoggedChange) throws -> UntypedChange

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
    /// The changes of a table, or of an aggregate of windows or sessions, from now or from a snapshot on.
    /// - Throws: `QueryError.wrongQuestion` for another store; as `changes(of:)` of an application.
    package func changes(from start: ChangeStart) async throws -> UntypedChanges {
        guard let name = name as? any FollowableStoreName else {
            throw QueryError.wrongQuestion(
                store: name.name, questions: "queries; only the changes of tables, windows and sessions can be followed"
            )
        }
        return try await changes(of: name, from: start)
    }

    private func changes<Name: FollowableStoreName>(
        of name: Name, from start: ChangeStart
    ) async throws -> UntypedChanges {
        let (row, subscription) = try await engine.follow(name, from: start, limit: 1_024)
        return UntypedChanges(subscription: subscription) {
            UntypedChange(try row.changed(by: $0, missed: 0), of: name)
        }
    }
}
