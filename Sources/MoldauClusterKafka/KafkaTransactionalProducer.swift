internal import MoldauClient
internal import MoldauCluster
internal import MoldauRecords

/// Sends batches to a Kafka cluster in transactions.
final class KafkaTransactionalProducer: KafkaProducer, TransactionalProducer {
    func identify() throws { try translating { try inner.identify() } }

    var asksForMember: Bool { inner.isInTransaction }

    func commit(_ offsets: [TopicPartition: CommittedOffset], of group: GroupMetadata) throws {
        let offsets = offsets.mapValues(AdminClient.OffsetAndMetadata.init)
        try translating {
            try inner.commit(offsets) { add in try cluster.committing(group: group.group, add) }
        }
    }

    func abort() throws { try translating { try inner.abort() } }
}
