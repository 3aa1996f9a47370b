import MoldauRecords
import MoldauRuntime
import MoldauState

/// A committed change of a store, as JSON.
struct UntypedChange: Sendable {
    let key: JSONValue
    /// The window, for stores of windows or sessions.
    let window: Window?
    /// nil if the row was deleted.
    let value: JSONValue?
    let timestamp: Timestamp
    let partition: Partition
    let offset: Offset
}

extension UntypedChange {
    fileprivate init<Name: FollowableStoreName>(_ change: TableChange<Name.RowKey, Name.Value>, of name: Name) {
        // A table's key may itself be windowed; then its own window is shown.
        let windowed = change.key as? Windowed<Name.Key>
        (key, window) = (JSONValue(showing: windowed?.key ?? change.key), windowed?.window)
        value = change.value.map { JSONValue(showing: $0) }
        (timestamp, partition, offset) = (change.timestamp, change.partition, change.offset)
    }
}

/// The committed changes of a store, as they arrive: see `TableChanges`.
struct UntypedChanges: AsyncSequence, AsyncIteratorProtocol, Sendable {
    /// The changes since the last element, and how many were missed before them.
    typealias Element = (changes: [UntypedChange], missed: Int64)

    fileprivate let subscription: ChangeSubscription
    fileprivate let show: @Sendable (LoggedChange) throws -> UntypedChange

    func makeAsyncIterator() -> Self { self }

    /// Ends the changes: `next` returns nil once those that came before are taken.
    @Sendable func end() { subscription.end(.success(())) }

    /// - Returns: nil after the application has ended.
    /// - Throws: the same as `TableChanges.Iterator.next`.
    func next() async throws -> Element? {
        guard let (changes, missed) = try await subscription.next() else { return nil }
        return (try changes.map(show), missed)
    }
}

extension UntypedReader {
    /// The changes of a table, or of an aggregate of windows or sessions, from now on or from a snapshot on.
    /// - Throws: `QueryError.wrongQuestion` for other stores; the same errors as `changes(of:)` of an application.
    func changes(from start: ChangeStart) async throws -> UntypedChanges {
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
