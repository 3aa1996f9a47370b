import Moldau
import MoldauBroker
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import MoldauRuntime
import Synchronization
import Testing

/// What clients see of the group of an application that runs in the broker's process.
struct DescribedApplicationTests {
    @Test func `the threads of a running application are group members with their assignments`() async throws {
        let broker = try Broker(
            MemoryFileSystem(), directory: "data", durability: .os, clock: EmbeddedCluster.systemClock)
        let fixture = try ClusterFixture(EmbeddedCluster(broker))
        try fixture.create(["input": 4, "counts": 4])
        let app = StreamsApplication(
            id: "app", topology: try CountTopology.make(),
            cluster: .cluster(fixture.cluster, stateDirectory: fixture.directory + "/state"),
            configuration: {
                var configuration = StreamsConfiguration()
                configuration.streamThreads = 2
                return configuration
            }())
        #expect(try described(broker).members.isEmpty)
        try await app.started()
        // An assignment names its topic once, and each partition with four bytes.
        let shared = try eventually {
            let group = try described(broker)
            return group.members.map(\.assignment.count) == [10 + 7 + 4 + 8, 10 + 7 + 4 + 8]
        }
        #expect(shared)
        let group = try described(broker)
        #expect((group.state, group.protocolType, group.protocolName) == ("Stable", "consumer", "stream"))
        #expect(Set(group.members.map(\.client.id)).count == 2)
        #expect(group.members.allSatisfy { $0.client.id.hasPrefix("app-StreamThread-") })
        try await app.addThread()
        #expect(try eventually { try described(broker).members.count == 3 })
        try await app.removeThread()
        #expect(try eventually { try described(broker).members.count == 2 })
        try await app.stopped()
        #expect(try described(broker).members.isEmpty)
    }

    private func described(_ broker: Broker<MemoryFileSystem>) throws -> GroupAnswer.Description {
        let found = Mutex<GroupAnswer.Description?>(nil)
        broker.ask(.describe(group: "app")) { result in
            guard case .success(.describe(let group)) = result else { return }
            found.withLock { $0 = group }
        }
        return try #require(found.withLock { $0 })
    }
}
