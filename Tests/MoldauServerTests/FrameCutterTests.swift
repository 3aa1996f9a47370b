import NIOCore
import Testing

@testable import MoldauServer

@Suite struct FrameCutterTests {
    /// The frames `a`, `bcd` and an empty one.
    private static let stream: [UInt8] = [0, 0, 0, 1, 97, 0, 0, 0, 3, 98, 99, 100, 0, 0, 0, 0]

    private func frames(_ pieces: [[UInt8]], limit: Int = 100) throws -> [String] {
        var cutter = FrameCutter(maxFrameBytes: limit)
        var frames: [String] = []
        for piece in pieces { try cutter.cut(ByteBuffer(bytes: piece)) { frames.append(String(buffer: $0)) } }
        return frames
    }

    @Test(arguments: 0...16)
    func `frames are the same wherever the stream is torn`(place: Int) throws {
        let pieces = [Array(Self.stream[..<place]), Array(Self.stream[place...])]
        #expect(try frames(pieces) == ["a", "bcd", ""])
    }

    @Test func `frames are the same if the stream comes byte by byte`() throws {
        #expect(try frames(Self.stream.map { [$0] }) == ["a", "bcd", ""])
    }

    @Test func `a negative length is refused`() {
        #expect(throws: FrameCutter.Refusal.negativeLength(-1)) { try frames([[255, 255, 255, 255]]) }
    }

    @Test func `a length over the limit is refused before anything of the frame has come`() {
        #expect(throws: FrameCutter.Refusal.tooLarge(bytes: 101, limit: 100)) { try frames([[0, 0, 0, 101]]) }
        #expect(throws: FrameCutter.Refusal.tooLarge(bytes: 101, limit: 100)) {
            try frames([[0, 0], [0, 101]])
        }
    }

    @Test func `a frame that is only announced takes no memory`() throws {
        var cutter = FrameCutter(maxFrameBytes: 1 << 30)
        try cutter.cut(ByteBuffer(bytes: [0x3f, 0xff, 0xff, 0xff, 1])) { _ in }
        #expect(cutter.heldBytes <= 16)
        try cutter.cut(ByteBuffer(repeating: 0, count: 1_000)) { _ in }
        #expect(cutter.heldBytes <= 4_096)
    }

    @Test func `a few bytes of a frame do not keep what they came with`() throws {
        var cutter = FrameCutter(maxFrameBytes: 1 << 20)
        var received = ByteBuffer(bytes: [0, 0, 0xff, 0xfa])
        received.writeRepeatingByte(1, count: 0xfffa)
        received.writeBytes([0, 0, 1, 0, 7])
        try cutter.cut(received) { _ in }
        #expect(cutter.heldBytes <= 16)
    }
}
