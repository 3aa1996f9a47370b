/// The options of a new producer; they do not change afterwards.
package struct ProducerOptions: Hashable, Sendable {
    /// Names the client in logs and errors.
    package var clientID: String

    /// A producer without transactions.
    package init(clientID: String) { self.clientID = clientID }
}

/// The options of a new producer with transactions; they do not change afterwards.
package struct TransactionalProducerOptions: Hashable, Sendable {
    /// Names the client in logs and errors.
    package var clientID: String
    /// The transactional id: the same for the same work across restarts.
    package var id: String
    /// A transaction that is open for longer is aborted by the cluster.
    package var timeout: Duration

    /// Options of a producer with the transactional id `id`.
    package init(clientID: String, id: String, timeout: Duration) {
        (self.clientID, self.id, self.timeout) = (clientID, id, timeout)
    }
}
