import MoldauRecords
import MoldauWire
import Testing

@testable import MoldauClient

struct PendingBatchTests {
    private static func bytes(_ value: String) -> [UInt8] {
        var builder = RecordBatchBuilder()
        var value = value
        value.withUTF8 { builder.append(key: nil, value: UnsafeRawBufferPointer($0), timestamp: Timestamp(ms: 1)) }
        return Array(builder.finish())
    }

    @Test func `an encoded batch is freed once it is no longer sent`() throws {
        weak var freed: PendingBatch?
        do {
            let batch = try Self.bytes("a value").withUnsafeBytes {
                try PendingBatch(TopicPartition("t", 0), order: 0, created: .zero, copying: $0)
            }
            freed = batch
            let sent = batch.bytes()
            #expect(batch.bytes().bytes.baseAddress == sent.bytes.baseAddress)
            #expect(sent.bytes.count == batch.reservedBytes)
        }
        #expect(freed == nil)
    }
}
