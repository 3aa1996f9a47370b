/// What a consumer is made with; it does not change afterwards.
public struct ConsumerOptions: Hashable, Sendable {
    /// Names the client in logs and errors.
    public var clientID: String
    /// The group whose committed offsets `committed` and `commit` speak of; nil for a consumer without one.
    public var group: String?
    /// Whether `poll` hands out records before they are as durable as the cluster promises; by default it does not, so that
    /// nothing that was handed out is gone after a crash. For readers whose results become durable together with what
    /// they have read. Means nothing to a cluster whose readers never see such records.
    public var readsAhead: Bool
    /// The transactional id of a producer whose transaction is read although it is open; nil for none. For a reader that
    /// commits, in the same transaction, what comes of these records: it need not wait for the commit in between.
    /// Means nothing to a cluster that shows nobody an open transaction.
    public var readsTransactionsOf: String?

    /// By default, a consumer without a group that gets records when they are durable.
    public init(
        clientID: String, group: String? = nil, readsAhead: Bool = false, readsTransactionsOf: String? = nil
    ) {
        (self.clientID, self.group) = (clientID, group)
        (self.readsAhead, self.readsTransactionsOf) = (readsAhead, readsTransactionsOf)
    }
}
