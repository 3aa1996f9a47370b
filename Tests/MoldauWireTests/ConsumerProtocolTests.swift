import MoldauRecords
import MoldauWire
import Testing

/// Bytes that Kafka's own classes wrote.
struct ConsumerProtocolTests {
    @Test(
        arguments: [
            (0, "0000000000020002743100027432000000027564"),
            (1, "00010000000200027431000274320000000275640000000100027431000000020000000000000002"),
            (2, "0002000000020002743100027432000000027564000000010002743100000002000000000000000200000004"),
            (
                3,
                "000300000002000274310002743200000002756400000001000274310000000200000000000000020000000400057261636b31"
            ),
        ] as [(Int16, String)])
    func `subscriptions are read and written as by Kafka`(version: Int16, hex: String) throws {
        let bytes = [UInt8](hexadecimal: hex)
        let (read, found) = try ConsumerSubscription.decode(WireBytes(copying: bytes))
        let expected = ConsumerSubscription {
            $0.topics = ["t1", "t2"]
            $0.userData = WireBytes(copying: Array("ud".utf8))
            if version >= 1 { $0.ownedPartitions = [.init { ($0.topic, $0.partitions) = ("t1", [0, 2]) }] }
            if version >= 2 { $0.generationID = 4 }
            if version >= 3 { $0.rackID = "rack1" }
        }
        #expect(found == version && read == expected)
        var writer = ByteWriter()
        try read.encode(into: &writer, version: version)
        #expect(Array(writer.bytes) == bytes)
    }

    @Test func `assignments are read and written as by Kafka`() throws {
        let bytes = [UInt8](hexadecimal: "000000000002000274310000000100000000000274320000000100000001000000027564")
        let (read, _) = try ConsumerAssignment.decode(WireBytes(copying: bytes))
        #expect(read.assignedPartitions.map(\.topic) == ["t1", "t2"])
        #expect(read.assignedPartitions.map(\.partitions) == [[0], [1]])
        var writer = ByteWriter()
        try read.encode(into: &writer, version: 0)
        #expect(Array(writer.bytes) == bytes)
    }

    @Test func `additions of a newer version are ignored`() throws {
        var bytes = [UInt8](hexadecimal: "0003000000000000000000000000ffffffffffff")
        bytes[1] = 9
        let (read, version) = try ConsumerSubscription.decode(WireBytes(copying: bytes + [1, 2, 3]))
        #expect(version == 9 && read == ConsumerSubscription { $0.userData = WireBytes() })
    }

    @Test(arguments: ["", "00", "ffff", "000000000001", "00007fffffff", "0000000000010001ff00000000"])
    func `damaged bytes are refused`(hex: String) {
        let bytes = WireBytes(copying: [UInt8](hexadecimal: hex))
        #expect(throws: SerdeError.self) { try ConsumerSubscription.decode(bytes) }
    }
}
