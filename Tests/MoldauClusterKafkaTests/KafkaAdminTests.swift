import Foundation
import MoldauCluster
import MoldauClusterKafka
import Synchronization
import Testing

/// Topics of a broker in another process.
struct KafkaAdminTests {
    private final class Flag: Sendable { let value = Mutex(false) }

    @Test func `topics created and deleted while all are described cause no error`() async throws {
        try await withBrokerProcess(topics: ["steady": 1]) { broker in
            let isOver = Flag()
            let other = try broker.cluster().makeAdmin()
            let admin = try broker.cluster().makeAdmin()
            nonisolated(unsafe) let shaking = other  // Used by that thread alone.
            let thread = Thread {
                while !isOver.value.withLock({ $0 }) {
                    try? shaking.create([NewTopic("shaky", partitionCount: 1)])
                    try? shaking.delete(["shaky"])
                }
            }
            thread.start()
            defer { isOver.value.withLock { $0 = true } }
            for _ in 0..<100 {
                let names = try admin.topics().map(\.name)
                try #require(names.contains("steady"))
            }
        }
    }

    @Test func `a topic's description has its replication factor and minimum of in-sync replicas`() async throws {
        try await withBrokerProcess(topics: ["steady": 2]) { broker in
            let admin = try broker.cluster().makeAdmin()
            let replication = try admin.describe(["steady"])["steady"]?.replication
            #expect(replication == TopicDescription.Replication(count: 1, needed: 1))
        }
    }
}
