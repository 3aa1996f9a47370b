import MoldauServer
import MoldauWire
import Testing

/// Limits on resources that clients use.
@Suite struct LimitTests {
    private static func create(_ name: String, partitions: Int32, _ client: WireClient) throws -> ErrorCode? {
        try client.call(
            CreateTopicsRequest {
                $0.topics = [.init { ($0.name, $0.numPartitions, $0.replicationFactor) = (name, partitions, 1) }]
            }, version: 5
        ).topics.first?.errorCode
    }

    @Test func `clients cannot create topics and partitions beyond the limits`() async throws {
        var options = ServerOptions()
        options.maxTopics = 3
        options.maxPartitions = 10
        try await withServer(options) { address in
            let client = try WireClient(address)
            #expect(try Self.create("a", partitions: 10, client) == .policyViolation)
            #expect(try Self.create("a", partitions: 2, client) == ErrorCode.none)
            #expect(try Self.create("b", partitions: 1, client) == ErrorCode.none)
            #expect(try Self.create("c", partitions: 1, client) == .policyViolation)
            let asked = try client.call(
                MetadataRequest { request in
                    request.topics = [.init { $0.name = "d" }]
                    request.allowAutoTopicCreation = true
                }, version: 9)
            #expect(asked.topics.first?.errorCode == .policyViolation)
            let grown = try client.call(
                CreatePartitionsRequest {
                    $0.topics = [.init { ($0.name, $0.count, $0.assignments) = ("a", 100, nil) }]
                }, version: 3)
            #expect(grown.results.first?.errorCode == .policyViolation)
        }
    }
}
