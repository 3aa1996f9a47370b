import NIOCore
import Testing

@testable import MoldauServer

@Suite struct FrameCutterTests {
    /// The frames `a`, `bcd` and an empty one.
    private static let stream: [UInt8] = [0, 0, 0, 1, 97, 0, 0, 0, 3, 98, 99, 100, 0, 0, 0, 0]

    /// Has the cutter receive bytes as a channel does: as many at a time as fit into its buffer.
    private func receive(
        _ bytes: [UInt8], _ cutter: FrameCutter, _ body: (ByteBuffer) -> Void = { _ in }
    ) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            var buffer = cutter.nextBuffer()
            try #require(buffer.writableBytes > 0)
            let part = rest.prefix(buffer.writableBytes)
            buffer.writeBytes(part)
            rest = rest.dropFirst(part.count)
            try cutter.cut(buffer, body)
        }
    }

    private func frames(_ pieces: [[UInt8]], limit: Int = 100) throws -> [String] {
        let cutter = FrameCutter(maxFrameBytes: limit)
        var frames: [String] = []
        for piece in pieces { try receive(piece, cutter) { frames.append(String(buffer: $0)) } }
        return frames
    }

    @Test(arguments: 0...16)
    func `frames are the same wherever the stream is split`(place: Int) throws {
        let pieces = [Array(Self.stream[..<place]), Array(Self.stream[place...])]
        #expect(try frames(pieces) == ["a", "bcd", ""])
    }

    @Test func `frames are the same if the stream arrives byte by byte`() throws {
        #expect(try frames(Self.stream.map { [$0] }) == ["a", "bcd", ""])
    }

    @Test func `a large frame is received in at most three reads, however little arrives first`() throws {
        let cutter = FrameCutter(maxFrameBytes: 1 << 21)
        let frame = [UInt8](repeating: 7, count: 1_100_000)
        var rest = (withUnsafeBytes(of: UInt32(frame.count).bigEndian) { Array($0) } + frame)[...]
        var pieces: [Int] = []
        while !rest.isEmpty {
            var buffer = cutter.nextBuffer()
            pieces.append(min(buffer.writableBytes, rest.count))
            buffer.writeBytes(rest.prefix(buffer.writableBytes))
            rest = rest.dropFirst(pieces.last ?? 0)
            try cutter.cut(buffer) { #expect(Array($0.readableBytesView) == frame) }
        }
        #expect(pieces == [512, 65_536 - 512, frame.count + 4 - 65_536])
    }

    @Test(arguments: [1, 3, 70, 4_096, 65_535, 65_536, 65_537, 300_000, 5_000_000])
    func `large frames among small ones are the same however the stream is split`(pieceBytes: Int) throws {
        let sizes = [10, 70_000, 65_531, 65_532, 65_533, 0, 1_200_000, 400, 65_536].filter {
            pieceBytes > 9 || $0 < 70_000
        }
        let sent = sizes.enumerated().map { number, size in
            (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) }
        }
        var stream: [UInt8] = []
        for frame in sent { stream += withUnsafeBytes(of: UInt32(frame.count).bigEndian) { Array($0) } + frame }
        let cutter = FrameCutter(maxFrameBytes: 1 << 21)
        var received: [[UInt8]] = []
        for place in stride(from: 0, to: stream.count, by: pieceBytes) {
            try receive(Array(stream[place..<min(place + pieceBytes, stream.count)]), cutter) { frame in
                received.append(Array(frame.readableBytesView))
            }
        }
        #expect(received == sent)
        #expect(cutter.heldBytes == 0)
    }

    @Test func `the rest of a large frame is received into the buffer of its beginning`() throws {
        let cutter = FrameCutter(maxFrameBytes: 1 << 21)
        let announced: [UInt8] = [0, 16, 0, 0]  // 1 MiB
        try receive(announced + Array(repeating: 7, count: 65_536), cutter)
        var buffer = cutter.nextBuffer()
        #expect(buffer.readableBytes + buffer.writableBytes == 1 << 20 + 4, "a read must not go beyond the frame")
        let place = buffer.withUnsafeReadableBytes { $0.baseAddress }
        buffer.writeRepeatingByte(7, count: buffer.writableBytes)
        var frames: [ByteBuffer] = []
        try cutter.cut(buffer) { frames.append($0) }
        #expect(frames.map(\.readableBytes) == [1 << 20])
        #expect(frames[0].withUnsafeReadableBytes { $0.baseAddress } == place.map { $0 + 4 })
    }

    @Test func `a frame whose beginning was lost is refused, not misread`() throws {
        let cutter = FrameCutter(maxFrameBytes: 1 << 21)
        try receive([0, 16, 0, 0] + Array(repeating: 7, count: 65_536), cutter)
        _ = cutter.nextBuffer()
        #expect(throws: FrameCutter.Refusal.lost) { try cutter.cut(ByteBuffer(bytes: [0, 0, 0, 0])) { _ in } }
    }

    @Test func `a negative length is refused`() {
        #expect(throws: FrameCutter.Refusal.negativeLength(-1)) { try frames([[255, 255, 255, 255]]) }
    }

    @Test func `a length over the limit is refused before any of the frame arrives`() {
        #expect(throws: FrameCutter.Refusal.tooLarge(bytes: 101, limit: 100)) { try frames([[0, 0, 0, 101]]) }
        #expect(throws: FrameCutter.Refusal.tooLarge(bytes: 101, limit: 100)) {
            try frames([[0, 0], [0, 101]])
        }
    }

    @Test func `an announced frame takes no memory`() throws {
        let cutter = FrameCutter(maxFrameBytes: 1 << 30)
        try receive([0x3f, 0xff, 0xff, 0xff, 1], cutter)
        #expect(cutter.heldBytes <= 16)
        #expect(cutter.nextBuffer().capacity <= 64 << 10)
        try receive(Array(repeating: 0, count: 1_000), cutter)
        #expect(cutter.heldBytes <= 4_096)
    }

    @Test func `a few bytes of a frame do not retain the buffer in which they arrived`() throws {
        let cutter = FrameCutter(maxFrameBytes: 1 << 20)
        let frame: [UInt8] = [0, 0, 0xff, 0xfa] + Array(repeating: 1, count: 0xfffa)
        for _ in 0..<20 { try receive(frame, cutter) }
        try receive(frame + [0, 0, 1, 0, 7], cutter)
        #expect(cutter.heldBytes <= 16)
    }
}
