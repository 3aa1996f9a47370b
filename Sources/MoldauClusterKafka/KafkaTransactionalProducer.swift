internal import MoldauClient
internal import MoldauCluster
internal import MoldauRecords

/// Sends batches to a Kafka cluster in transactions.
final class KafkaTransactionalProducer: KafkaProducer, TransactionalProducer {
    func identify() throws { try translating { try inner.identify() } }

    func commit(_ offsets: [TopicPartition: CommittedOffset], of group: GroupMetadata) throws {
        let member = ConsumerGroupMetadata(
            group: group.group, generation: group.generation, memberID: group.memberID, instanceID: group.instanceID)
        try translating { try inner.commit(offsets.mapValues(AdminClient.OffsetAndMetadata.init), of: member) }
    }

    func abort() throws { try translating { try inner.abort() } }
}
