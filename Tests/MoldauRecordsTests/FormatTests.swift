import Foundation
import MoldauRecords
import Testing

struct FormatTests {
    @Test func `murmur2 and its partitions match Kafka's`() {
        for vector in Golden.groups["murmur2"]! {
            let hash = Golden.bytes(vector["hex"] as! String).withUnsafeBytes { murmur2($0) }
            #expect(Int(hash) == (vector["murmur2"] as! NSNumber).intValue)
            let partitions = [1, 3, 10, 50].map { (hash & 0x7fff_ffff) % $0 }
            #expect(partitions == (vector["partitions"] as! [NSNumber]).map(\.int32Value))
        }
    }

    @Test func `murmur3 matches Kafka Streams'`() {
        for vector in Golden.groups["murmur3_128"]! {
            let hash = Array((vector["value"] as! String).utf8).withUnsafeBytes { Hash128(murmur3Of: $0) }
            #expect(String(Int64(bitPattern: hash.high)) == vector["h0"] as! String)
            #expect(String(Int64(bitPattern: hash.low)) == vector["h1"] as! String)
        }
    }

    @Test func `varints are encoded as in Kafka`() throws {
        for (number, bytes) in Golden.numbers("varints", "varlong") {
            var writer = ByteWriter()
            writer.append(varint: number)
            #expect(Array(writer.bytes) == bytes)
            #expect(try bytes.withUnsafeBytes { try read($0) { try $0.readVarlong() } } == number)
        }
        for (number, bytes) in Golden.numbers("varints", "uvarint") {
            var writer = ByteWriter()
            writer.append(unsignedVarint: UInt64(number))
            #expect(Array(writer.bytes) == bytes)
            #expect(try bytes.withUnsafeBytes { try read($0) { try $0.readUnsignedVarint() } } == UInt32(number))
        }
    }

    private func read<Number>(_ bytes: UnsafeRawBufferPointer, _ body: (inout ByteCursor) throws -> Number) throws
        -> Number
    {
        var cursor = ByteCursor(bytes)
        return try body(&cursor)
    }

    @Test func `varints that are truncated or too long are rejected`() {
        func varlong(_ bytes: [UInt8]) throws -> Int64 {
            try bytes.withUnsafeBytes { try read($0) { try $0.readVarlong() } }
        }
        func varint(_ bytes: [UInt8]) throws -> Int32 {
            try bytes.withUnsafeBytes { try read($0) { try $0.readVarint() } }
        }
        #expect(throws: VarintError.truncated) { try varlong([]) }
        #expect(throws: VarintError.truncated) { try varlong([0x80]) }
        #expect(throws: VarintError.tooLong) { try varlong(Array(repeating: 0x80, count: 9) + [2]) }
        #expect(throws: VarintError.tooLong) { try varint([0x80, 0x80, 0x80, 0x80, 0x10]) }
    }

    @Test func `both implementations of CRC-32C give the known checksum`() {
        #expect(Array("123456789".utf8).withUnsafeBytes { crc32c($0) } == 0xe306_9283)
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for length in [0, 1, 7, 8, 9, 63, 64, 1000] {
            bytes[..<length].withUnsafeBytes { #expect(crc32c($0) == portableCRC32C($0)) }
        }
        let (head, tail) = (Array(bytes[..<10]), Array(bytes[10...]))
        let joined = tail.withUnsafeBytes { tail in crc32c(tail, seed: head.withUnsafeBytes { crc32c($0) }) }
        #expect(joined == bytes.withUnsafeBytes { crc32c($0) })
    }

    @Test func `the serdes' bytes match Kafka's`() throws {
        let id = UUID(uuidString: "00112233-4455-6677-8899-aabbccddeeff")!
        try check("string", "hé", .init(String.serde))
        try check("int32", Int32(-2), .init(Int32.serde))
        try check("int64", Int64(-2), .init(Int64.serde))
        try check("int16", Int16(-2), .init(Int16.serde))
        try check("double", 1.5, .init(Double.serde))
        try check("float", Float(1.5), .init(Float.serde))
        try check("boolean", true, .init(Bool.serde))
        try check("uuid", id, .init(UUID.serde))
        try check("list<string>", ["a", nil, "bc"], .init(.list(of: String.serde)))
        try check("list<int32>", [1, nil, 3], .init(.list(of: Int32.serde)))
    }

    private struct Checked<Value> {
        let serde: Serde<Value>
        init(_ serde: Serde<Value>) { self.serde = serde }
    }

    private func check<Value: Equatable>(_ name: String, _ value: Value, _ checked: Checked<Value>) throws {
        let vector = Golden.groups["serdes"]!.first { $0["serde"] as? String == name }!
        let bytes = Golden.bytes(vector["hex"] as! String)
        var writer = ByteWriter()
        try checked.serde.encode(value, &writer)
        #expect(Array(writer.bytes) == bytes)
        #expect(try checked.serde.decode(bytes.span.bytes) == value)
        for length in 0..<bytes.count where name != "string" {
            #expect(throws: SerdeError.self) { try checked.serde.decode(Array(bytes[..<length]).span.bytes) }
        }
    }
}

struct PartitionerTests {
    private func place(_ partitioner: inout Partitioner, _ key: String?, bytes: Int = 100, of count: Int32 = 3) -> Int32
    {
        guard let key else { return partitioner.partition(key: nil, byteCount: bytes, count: count).number }
        return Array(key.utf8).withUnsafeBytes { partitioner.partition(key: $0, byteCount: bytes, count: count).number }
    }

    @Test func `a key goes to the partition of its hash`() {
        var partitioner = Partitioner.keyed(seed: 5)
        #expect(["a", "foobar", "abc"].map { place(&partitioner, $0, of: 10) } == [4, 6, 7])
    }

    @Test func `records without a key stay on a partition until enough bytes were sent to it`() {
        var partitioner = Partitioner.keyed(seed: 4, stickyBytes: 250)
        #expect((0..<7).map { _ in place(&partitioner, nil) } == [1, 1, 1, 2, 2, 2, 0])
    }

    @Test func `round robin uses the partitions in turn, whatever the key`() {
        var partitioner = Partitioner.roundRobin(seed: .max)
        #expect(["a", nil, "a", "a"].map { place(&partitioner, $0) } == [0, 0, 1, 2])
    }

    @Test func `a custom partitioner chooses the partition`() {
        var partitioner = Partitioner.custom { key, count in Partition(key == nil ? 0 : count - 1) }
        #expect(["a", nil].map { place(&partitioner, $0) } == [2, 0])
    }
}
