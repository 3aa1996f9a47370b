internal import MoldauLog
internal import MoldauRecords

extension Broker {
    /// Adds positions of a group to the producer's transaction, as TxnOffsetCommit does: the transaction must include
    /// their partition (see `addOffsets`), and a member that is named must be in the group. They take effect when the
    /// transaction commits. Answered when they are durable: the client may outlive a crash, and then commit positions
    /// that it was told are stored.
    /// - Parameter commit: with the producer of the transaction.
    /// - Parameter completion: gets an answer for each position, or why none could be added
    ///   (`BrokerError.unknownProducer`, `.producerFenced`, `.invalidTransaction`); by the callbacks, or before this
    ///   returns.
    package func commitInTransaction(
        _ commit: GroupRequest.Commit, _ id: String, then completion: @escaping TransactionAnswer<GroupAnswer>
    ) {
        let group = commit.member.group
        do throws(BrokerError) {
            guard let producer = commit.producer else {
                throw .invalidProducerRequest(reason: "only a transaction's producer can commit positions in it")
            }
            try checkReadable(group: group)
            let partition = TopicPartition(Self.offsetsTopic, offsetsPartition(of: group))
            // The lock keeps the transaction open between the check and the append.
            try withTransaction(id, producer) { state throws(BrokerError) in
                try state.admit(producer.unnumberedStamp, to: partition, of: id)
                for offset in commit.offsets {
                    state.offsets[group, default: [:]][offset.partition] = GroupOffset(
                        offset: offset.offset, leaderEpoch: offset.leaderEpoch, metadata: offset.metadata,
                        time: clock())
                }
                // `completion` is called by the callbacks, without the lock.
                ask(.commit(commit)) { [callbacks] result in callbacks.call { completion(result) } }
            }
        } catch {
            completion(.failure(error))
        }
    }
}
