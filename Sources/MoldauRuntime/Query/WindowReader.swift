import MoldauRecords
import MoldauState

extension StoreReader where Name.Store: ReadableWindows, Name.Store.Key == Name.Key, Name.Store.Row: Sendable {
    /// A page of windows.
    public typealias WindowPage = StorePage<Windowed<Name.Key>, Name.Store.Row>

    /// The row of the key's window that begins at `start`; nil if it has none, or if the window has expired.
    public func fetch(_ key: Name.Key, at start: Timestamp) async throws -> QueryAnswer<Name.Store.Row?> {
        try await ask(key) { try $0.fetch(key, at: start) }
    }

    /// A key's windows that begin in a time span, both ends included; oldest first.
    /// - Parameters:
    ///   - key: the key whose windows are returned.
    ///   - from: the earliest beginning.
    ///   - to: the latest beginning.
    ///   - reverse: newest first.
    ///   - limit: the maximum number of windows.
    ///   - place: where the previous page ended.
    public func windows(
        of key: Name.Key, from: Timestamp = Timestamp(ms: 0), to: Timestamp = Timestamp(ms: .max),
        reverse: Bool = false,
        limit: Int = 1_000, after place: StorePlace? = nil
    ) async throws -> QueryAnswer<WindowPage> {
        try await list(key, StorePageRequest(limit, after: place, isReversed: reverse)) { store in
            reverse ? try store.reverseFetch(key, from: from, to: to) : try store.fetch(key, from: from, to: to)
        }
    }

    /// The windows of a range of keys, of all by default, that begin in a time span, all ends included. See
    /// `windows(of:)`.
    public func windows(
        keysFrom first: Name.Key? = nil, through last: Name.Key? = nil, from: Timestamp = Timestamp(ms: 0),
        to: Timestamp = Timestamp(ms: .max), reverse: Bool = false, limit: Int = 1_000, after place: StorePlace? = nil
    ) async throws -> QueryAnswer<WindowPage> {
        try await list(StorePageRequest(limit, after: place, isReversed: reverse)) { store in
            reverse
                ? try store.reverseFetch(keysFrom: first, through: last, from: from, to: to)
                : try store.fetch(keysFrom: first, through: last, from: from, to: to)
        }
    }
}

extension StoreReader where Name.Store == SessionStore<Name.Key, Name.Value> {
    /// A page of sessions.
    public typealias SessionPage = StorePage<Windowed<Name.Key>, Name.Value>

    /// The value of exactly that session; nil if there is none, or if it has expired.
    public func fetch(_ session: Windowed<Name.Key>) async throws -> QueryAnswer<Name.Value?> {
        try await ask(session.key) { try $0.fetch(session) }
    }

    /// A key's sessions that end at `earliestEnd` or later and begin at `latestStart` or earlier; by end, oldest first.
    /// - Parameters:
    ///   - key: the key whose sessions are returned.
    ///   - earliestEnd: the earliest end.
    ///   - latestStart: the latest beginning.
    ///   - reverse: newest first.
    ///   - limit: the maximum number of sessions.
    ///   - place: where the previous page ended.
    public func sessions(
        of key: Name.Key, endingFrom earliestEnd: Timestamp = Timestamp(ms: 0),
        beginningTo latestStart: Timestamp = Timestamp(ms: .max), reverse: Bool = false, limit: Int = 1_000,
        after place: StorePlace? = nil
    ) async throws -> QueryAnswer<SessionPage> {
        try await list(key, StorePageRequest(limit, after: place, isReversed: reverse)) { store in
            reverse
                ? try store.reverseSessions(of: key, endingFrom: earliestEnd, beginningTo: latestStart)
                : try store.sessions(of: key, endingFrom: earliestEnd, beginningTo: latestStart)
        }
    }

    /// The sessions of a range of keys, of all by default. See `sessions(of:)`.
    public func sessions(
        keysFrom first: Name.Key? = nil, through last: Name.Key? = nil,
        endingFrom earliestEnd: Timestamp = Timestamp(ms: 0), beginningTo latestStart: Timestamp = Timestamp(ms: .max),
        reverse: Bool = false, limit: Int = 1_000, after place: StorePlace? = nil
    ) async throws -> QueryAnswer<SessionPage> {
        try await list(StorePageRequest(limit, after: place, isReversed: reverse)) { store in
            reverse
                ? try store.reverseSessions(
                    keysFrom: first, through: last, endingFrom: earliestEnd, beginningTo: latestStart)
                : try store.sessions(
                    keysFrom: first, through: last, endingFrom: earliestEnd, beginningTo: latestStart)
        }
    }
}
