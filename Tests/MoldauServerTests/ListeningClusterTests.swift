import Foundation
import Logging
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords
import MoldauServer
import MoldauWire
import Testing

@Suite struct ListeningClusterTests {
    @Test func `clients can connect to an application's broker while it runs`() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "moldau-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let choice = ClusterChoice.embedded(at: directory, listening: .localhost(0))
        let opened = try choice.open(EmbeddedCluster.systemClock, Logger(label: "test"))
        let line = try String(contentsOfFile: "\(directory)/topics/listening", encoding: .utf8).dropLast()
        let address = try #require(ListenAddress(String(line)))
        #expect(try WireClient(address).call(ApiVersionsRequest(), version: 0).errorCode == .none)
        try opened.close()
        #expect(throws: ClientSocket.Failure.self) { try WireClient(address) }
        // The directory was released.
        try await EmbeddedCluster(directory: "\(directory)/topics").close()
    }

    @Test func `clients see the members of an application's group, and cannot join it`() async throws {
        try await withServer(alongside: { cluster in
            let membership = try cluster.join(group: "app", IdleWorker())
            let consumer = try cluster.makeConsumer(ConsumerOptions(clientID: "app-1", group: "app"))
            try consumer.assign([TopicPartition("t", 0)])
            return (membership, consumer)
        }) { address in
            let client = try WireClient(address)
            let group = try client.call(DescribeGroupsRequest { $0.groups = ["app"] }, version: 5).groups[0]
            #expect((group.groupState, group.protocolType, group.protocolData) == ("Stable", "consumer", "stream"))
            #expect(group.members.map(\.clientID) == ["app-1"])
            let joined = try client.call(
                JoinGroupRequest {
                    $0.groupID = "app"
                    $0.sessionTimeoutMs = 10_000
                    $0.rebalanceTimeoutMs = 10_000
                    $0.protocolType = "consumer"
                    $0.protocols = [.init { $0.name = "range" }]
                }, version: 5)
            #expect(joined.errorCode == .inconsistentGroupProtocol)
            let committed = try client.call(
                OffsetCommitRequest {
                    $0.groupID = "app"
                    $0.topics = [
                        .init {
                            $0.name = "t"
                            $0.partitions = [.init { $0.committedOffset = Offset(1) }]
                        }
                    ]
                }, version: 8)
            #expect(committed.topics[0].partitions[0].errorCode == .unknownMemberID)
        }
    }
}
