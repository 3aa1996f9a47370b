import MoldauRecords
import Testing

@testable import MoldauWire

struct WireCodecTests {
    // MARK: Record data

    private func fetched(_ records: [RecordData]) -> FetchResponse {
        FetchResponse { response in
            response.nodeEndpoints = [NodeEndpoint { $0.host = "host" }]
            response.responses = [
                FetchResponse.Topic { topic in
                    topic.topic = "words"
                    topic.partitions = records.enumerated().map { index, records in
                        FetchResponse.Partition {
                            $0.partitionIndex = Int32(index)
                            $0.records = records
                            $0.currentLeader = LeaderIDAndEpoch { $0.leaderID = 7 }
                        }
                    }
                }
            ]
        }
    }

    @Test(arguments: ApiKey.fetch.versions)
    func `record data stored elsewhere is left out, and its position is returned`(version: Int16) throws {
        let batches = [[UInt8]](arrayLiteral: [1, 2, 3], [], [UInt8](repeating: 9, count: 300))
        let whole = try fetched(batches.map { .bytes(WireBytes(copying: $0)) }).encoded(version: version)
        var writer = ByteWriter()
        writer.append(contentsOf: [0, 0, 0, 0])
        let gaps = try fetched(batches.map { .elsewhere(byteCount: $0.count) })
            .encode(into: &writer, version: version)
        #expect(gaps.map(\.byteCount) == batches.map(\.count))
        var sent = Array(writer.bytes)
        for (gap, batch) in zip(gaps, batches).reversed() { sent.insert(contentsOf: batch, at: gap.position) }
        #expect(Array(sent.dropFirst(4)) == whole)
    }

    @Test func `record data is a view into the frame, and keeps it alive`() throws {
        let request = ProduceRequest {
            $0.topicData = [
                ProduceRequest.TopicData {
                    $0.partitionData = [
                        ProduceRequest.PartitionData { $0.records = .bytes(WireBytes(copying: [5, 6])) }
                    ]
                }
            ]
        }
        var frame: SharedBytes? = SharedBytes(copying: try request.encoded(version: 9))
        weak let watched = frame
        let place = frame!.bytes
        var read: ProduceRequest? = try ProduceRequest(decoding: WireBytes(frame!), version: 9)
        frame = nil
        guard case .bytes(let records)? = read?.topicData.first?.partitionData.first?.records else {
            Issue.record("no records")
            return
        }
        #expect(records.bytes.baseAddress! >= place.baseAddress!)
        #expect(records.bytes.baseAddress! < place.baseAddress! + place.count)
        read = nil
        #expect(watched != nil && Array(records.bytes) == [5, 6])
    }

    // MARK: Tagged fields

    /// A heartbeat's answer with two unknown tagged fields.
    @Test func `unknown tagged fields are skipped`() throws {
        let bytes: [UInt8] = [0, 0, 0, 1, 0, 27, 2, 0, 1, 9, 200, 1, 3, 1, 2, 3]
        let read = try HeartbeatResponse.decode(bytes, version: 4)
        #expect(read == HeartbeatResponse { ($0.throttleTimeMs, $0.errorCode) = (1, .rebalanceInProgress) })
    }

    /// The answer of ApiVersions up to its tagged fields: no error, no APIs, no throttling.
    private static let answer: [UInt8] = [0, 0, 1, 0, 0, 0, 0]

    @Test func `tagged fields are read in any order`() throws {
        let bytes = Self.answer + [3, 3, 1, 1, 9, 1, 0, 1, 8, 0, 0, 0, 0, 0, 0, 0, 5]
        let read = try ApiVersionsResponse.decode(bytes, version: 3)
        #expect(read.zkMigrationReady && read.finalizedFeaturesEpoch == 5)
    }

    /// Tag 3 is a truth value, tag 1 a number of eight bytes.
    @Test(
        arguments: [[1, 3, 2, 1, 0], [1, 3, 0], [1, 1, 7, 0, 0, 0, 0, 0, 0, 5], [1, 1, 8, 0, 0], [200, 1]] as [[UInt8]])
    func `a tagged field that does not fit its size is refused`(tags: [UInt8]) throws {
        #expect(throws: SerdeError.self) { try ApiVersionsResponse.decode(Self.answer + tags, version: 3) }
    }

    @Test func `a tagged field with its default takes no bytes`() throws {
        #expect(try ApiVersionsResponse().encoded(version: 3) == Self.answer + [0])
    }

    // MARK: Counts and null

    @Test(
        arguments: [
            (4, [0x7f, 0xff, 0xff, 0xff]), (4, [0xff, 0xff, 0xff, 0xfe]), (9, [0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] as [(Int16, [UInt8])])
    func `a count that the bytes cannot hold is refused before memory is reserved`(version: Int16, count: [UInt8]) {
        #expect(throws: SerdeError.self) { try MetadataRequest.decode(count + [0, 0, 0], version: version) }
    }

    @Test func `elements cannot take more memory than allowed`() throws {
        let request = MetadataRequest { $0.topics = (0..<100).map { _ in MetadataRequest.Topic { $0.name = "" } } }
        let bytes = WireBytes(copying: try request.encoded(version: 1))
        let needed = 100 * MemoryLayout<MetadataRequest.Topic>.stride
        #expect(try MetadataRequest(decoding: bytes, version: 1, elementBytes: needed) == request)
        #expect(throws: SerdeError.self) {
            try MetadataRequest(decoding: bytes, version: 1, elementBytes: needed - 1)
        }
    }

    @Test func `null is written as empty, and refused when read, in versions that do not allow it`() throws {
        #expect(try MetadataRequest { $0.topics = nil }.encoded(version: 0) == [0, 0, 0, 0])
        #expect(try MetadataRequest { $0.topics = nil }.encoded(version: 1) == [0xff, 0xff, 0xff, 0xff])
        #expect(throws: SerdeError.self) { try MetadataRequest.decode([0xff, 0xff, 0xff, 0xff], version: 0) }
        let joined = try JoinGroupResponse().encoded(version: 6)
        #expect(try JoinGroupResponse.decode(joined, version: 6).protocolName == "")
    }

    @Test func `an error names the message, its version and what is wrong`() {
        let error = SerdeError.malformed(
            type: "MetadataRequest of version 1", reason: "topics claims to have 2147483647 elements")
        #expect(throws: error) { try MetadataRequest.decode([0x7f, 0xff, 0xff, 0xff], version: 1) }
    }

    // MARK: Text

    @Test func `text that is not UTF-8 is refused`() {
        #expect(throws: SerdeError.self) { try SaslHandshakeRequest.decode([0, 2, 0xc3, 0x28], version: 1) }
    }

    @Test func `text that is too long for its field is an error, and the writer is unchanged`() throws {
        let long = String(repeating: "x", count: 32_768)
        var writer = ByteWriter()
        writer.append(byte: 1)
        #expect(throws: SerdeError.self) {
            _ = try SaslHandshakeRequest { $0.mechanism = long }.encode(into: &writer, version: 1)
        }
        #expect(Array(writer.bytes) == [1])
        #expect(throws: SerdeError.self) {
            try RequestHeader(.fetch, version: 12, correlationID: 1, clientID: long).encode(into: &writer)
        }
        // Lengths of flexible versions have more bits.
        let reason = JoinGroupRequest { $0.reason = long }
        #expect(try JoinGroupRequest.decode(reason.encoded(version: 9), version: 9) == reason)
    }

    // MARK: Fields by name

    @Test func `a message's fields have Kafka's names`() {
        let request = FetchRequest {
            $0.topics = [FetchRequest.Topic { $0.topic = "words" }]
            $0.clusterID = "here"
        }
        guard case .fields(let fields) = request.values(version: 12) else {
            Issue.record("no fields")
            return
        }
        #expect(
            fields.map(\.name) == [
                "replicaId", "maxWaitMs", "minBytes", "maxBytes", "isolationLevel", "sessionId", "sessionEpoch",
                "topics", "forgottenTopicsData", "rackId", "clusterId",
            ])
        #expect(
            fields[7].value
                == .list([
                    .fields([
                        WireValue.Field(name: "topic", value: .text("words")),
                        WireValue.Field(name: "partitions", value: .list([])),
                    ])
                ]))
    }
}
