import Testing

@testable import MoldauRecords

struct ByteWriterTests {
    /// Sizes whose varints take one, two and three bytes.
    @Test(arguments: [0, 1, 127, 128, 16_384])
    func `a size can be inserted before bytes that have been written`(count: Int) {
        let content = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        var writer = ByteWriter(capacity: 16)
        writer.append(contentsOf: [7, 8])
        writer.append(contentsOf: content)
        writer.insert(unsignedVarint: UInt64(count), at: 2)
        var expected = ByteWriter()
        expected.append(contentsOf: [7, 8])
        expected.append(unsignedVarint: UInt64(count))
        expected.append(contentsOf: content)
        #expect(Array(writer.bytes) == Array(expected.bytes))
    }

    @Test func `a written byte can be overwritten, and no other`() async {
        var writer = ByteWriter()
        writer.append(contentsOf: [1, 2, 3])
        writer.set(9, at: 1)
        #expect(Array(writer.bytes) == [1, 9, 3])
        await #expect(processExitsWith: .failure) {
            var writer = ByteWriter()
            writer.append(byte: 1)
            writer.set(9, at: 1)
        }
    }
}
