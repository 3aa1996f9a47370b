/// The options of a new consumer; they do not change afterwards.
package struct ConsumerOptions: Hashable, Sendable {
    /// Names the client in logs and errors.
    package var clientID: String
    /// The group whose offsets `committed` and `commit` read and write; nil for a consumer without a group.
    package var group: String?
    /// The topics from which `poll` returns records before they are as durable as the cluster promises. By default
    /// none, so that no returned record is lost by a crash. For readers whose results become durable together with the
    /// records that they read, or that would produce the records again. Has no effect on a cluster whose readers never
    /// see such records.
    package var readsAhead: ReadAhead
    /// The transactional id of a producer whose open transaction is read in the topics that `readsAhead` includes; nil
    /// for none. For a reader that commits, in the same transaction, the results of these records: it then need not
    /// wait for the commit in between. Has no effect on a cluster that never shows open transactions.
    package var readsTransactionsOf: String?
    /// Whether `poll` throws if a topic is missing for long, on a cluster where that may be temporary; otherwise it
    /// waits for the topic.
    package var tellsMissingTopics = false

    /// The topics from which records are returned before they are durable.
    package enum ReadAhead: Hashable, Sendable {
        /// No topic.
        case nowhere
        /// These topics.
        case topics(Set<String>)
        /// All topics except these.
        case everywhere(except: Set<String> = [])

        /// Whether records of a topic are returned before they are durable.
        package func includes(_ topic: String) -> Bool {
            switch self {
            case .nowhere: false
            case .topics(let names): names.contains(topic)
            case .everywhere(let exceptions): !exceptions.contains(topic)
            }
        }
    }

    /// By default, a consumer without a group that gets records once they are durable.
    package init(
        clientID: String, group: String? = nil, readsAhead: ReadAhead = .nowhere, readsTransactionsOf: String? = nil
    ) {
        (self.clientID, self.group) = (clientID, group)
        (self.readsAhead, self.readsTransactionsOf) = (readsAhead, readsTransactionsOf)
    }
}
