import MoldauRecords
import MoldauWire
import Synchronization
import Testing

@testable import MoldauClient

/// Numbers that a correct broker does not answer with.
@Suite struct NumbersInAnswersTests {
    private let client = ClientOptions(bootstrapServers: [BrokerAddress(host: "127.0.0.1", port: 1)])
    private let partition = TopicPartition("t", 0)

    /// The outcome of a producer's first batch, if it was appended at that offset.
    private func outcome(at offset: Int64) throws -> BatchOutcome {
        var options = ProducerOptions()
        options.idempotence = false
        options.linger = .zero
        var machine = ProducerMachine(options, client)
        let topic = machine.addTopic(.keyed())
        machine.setPartitions(1, of: topic, named: "t")
        _ = machine.append(
            to: topic, partition: Partition(0), RecordBytes(key: nil, value: nil), timestamp: Timestamp(ms: 1),
            headers: Headers(), now: { .zero })
        var map = ClusterMap(client)
        map.answered(FakeBrokers(partitions: 1).metadata, .zero, chance: 0.5)
        _ = machine.next(.zero, map)
        let response = ProduceResponse {
            $0.responses = [
                .init {
                    $0.name = "t"
                    $0.partitionResponses = [.init { ($0.index, $0.baseOffset) = (0, Offset(offset)) }]
                }
            ]
        }
        for action in machine.answered(1, .success(response), .zero, chance: 0.5) {
            guard case .complete(let outcome, let result) = action else { continue }
            outcome.become(result)
            return outcome
        }
        throw ClientError.closed
    }

    @Test(arguments: [Int64.max, .max - Int64(Int32.max), -1, .min])
    func `a batch at an impossible offset has no offset`(offset: Int64) async throws {
        let outcome = try outcome(at: offset)
        #expect(try await outcome.end(of: 1) == nil)
        let record = Acknowledgement(outcome: outcome, index: 1, timestamp: Timestamp(ms: 1))
        #expect(try await record.position().offset == nil)
    }

    @Test func `a batch at the last possible offset has that offset`() async throws {
        let last = Int64.max - Int64(Int32.max) - 1
        #expect(try await outcome(at: last).end(of: Int(Int32.max)) == Offset(.max - 1))
    }

    @Test(arguments: [(.min, 0), (-1, 0), (8, 3), (.max, .max - 5)] as [(Int64, Int64)])
    func `lag handles any partition end offset`(end: Int64, lag: Int64) throws {
        let consumer = try Consumer(
            [Topic<String, String>("t")], assigned: [partition], cluster: client, options: ConsumerOptions())
        consumer.seek(partition, to: Offset(5))
        consumer.session.state.withLock { $0.fetch.places[partition]?.end = Offset(end) }
        #expect(consumer.lag(partition) == lag)
    }

    @Test func `a member that is listed twice gets one share`() {
        var member = GroupMember(ConsumerOptions(group: "g"), group: "g", .topics(["t"]))
        let subscription = member.joinRequest().protocols[0].metadata
        let response = JoinGroupResponse {
            ($0.memberID, $0.leader, $0.generationID) = ("me", "me", 1)
            $0.members = ["me", "me"].map { id in .init { ($0.memberID, $0.metadata) = (id, subscription) } }
        }
        #expect(member.joined(response) == .sync)
        #expect(member.syncRequest(counts: ["t": 4]).assignments.map(\.memberID) == ["me"])
    }

    @Test(arguments: [-1, 65_536, Int32.min, .max])
    func `a broker with an invalid port cannot be reached`(port: Int32) async throws {
        var map = ClusterMap(client)
        let response = MetadataResponse {
            $0.brokers = [.init { ($0.nodeID, $0.host, $0.port) = (1, "127.0.0.1", port) }]
        }
        map.answered(response, .zero, chance: 0.5)
        let (address, world) = (try #require(map.brokers[1]), try SocketWorld(client))
        let error = await #expect(throws: ClientError.self) {
            _ = try await answer { then in
                world.perform {
                    world.connect(to: address).send(
                        MetadataRequest(), maxVersion: .max, timeout: .seconds(9), then: then)
                }
            }
        }
        #expect(error == .notReachable(address, reason: "there is no port \(port)"))
    }
}
