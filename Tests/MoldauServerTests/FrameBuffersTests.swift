import MoldauBroker
import NIOCore
import NIOPosix
import Testing

@testable import MoldauServer

@Suite struct FrameBuffersTests {
    private static let frameBytes = 1_100_000

    private func connection(_ table: ConnectionTable, _ pool: NIOThreadPool) -> Connection {
        Connection(
            number: 1, clientAddress: "127.0.0.1", localAddress: .localhost(9092),
            authentication: Authentication(of: .anonymous), maxUnanswered: 10, pool: pool, memory: table,
            door: ConnectionDoor(MultiThreadedEventLoopGroup.singleton.any())
        ) { _, _, reply in
            reply(.nothing)
            return .pipelined
        }
    }

    /// Has the cutter receive a frame in parts, the first of a given size.
    private func receive(_ cutter: FrameCutter, _ frames: inout [ByteBuffer], firstBytes: Int = 40_000) throws {
        let length = withUnsafeBytes(of: UInt32(Self.frameBytes).bigEndian) { Array($0) }
        var rest = (length + [UInt8](repeating: 7, count: Self.frameBytes))[...]
        var came: [ByteBuffer] = []
        var limit = firstBytes
        while !rest.isEmpty {
            var buffer = cutter.nextBuffer()
            let part = rest.prefix(min(buffer.writableBytes, limit))
            buffer.writeBytes(part)
            rest = rest.dropFirst(part.count)
            try cutter.cut(buffer) { came.append($0) }
            limit = .max
        }
        frames += came
    }

    @Test func `the memory of a large request is reused for the next ones`() async throws {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let table = ConnectionTable(ServerOptions())
        let connection = connection(table, pool)
        let cutter = FrameCutter(maxFrameBytes: 1 << 21, table.frameBuffers)
        var frames: [ByteBuffer] = []
        for _ in 0..<5 {
            try receive(cutter, &frames)
            #expect(table.frameBuffers.byteCount == 0)
            connection.receive(&frames)
            let end = ContinuousClock.now + .seconds(10)
            while table.frameBuffers.byteCount == 0, ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(1))
            }
            #expect(table.frameBuffers.byteCount == 1 << 21)
        }
        try await pool.shutdownGracefully()
    }

    @Test func `memory that is still referenced is not reused`() {
        let buffers = FrameBuffers()
        var frame = ByteBuffer(repeating: 1, count: Self.frameBytes)
        let other = frame
        buffers.giveBack(&frame, maxBytes: .max)
        #expect(buffers.byteCount == 0)
        #expect(other.readableBytes == Self.frameBytes)
    }

    @Test func `a partial frame in reused memory is counted completely`() throws {
        let buffers = FrameBuffers()
        var used = ByteBuffer(repeating: 1, count: 200_000)
        buffers.giveBack(&used, maxBytes: .max)
        for isUsed in [true, false] {
            let cutter = FrameCutter(maxFrameBytes: 1 << 21, buffers)
            var first = cutter.nextBuffer()
            let count = first.writableBytes
            first.writeInteger(Int32(Self.frameBytes))
            first.writeRepeatingByte(1, count: count - 4)
            try cutter.cut(first) { _ in }
            #expect(cutter.heldBytes == (isUsed ? 64 << 10 : count))
        }
    }

    @Test func `requests that need memory take precedence over buffers kept for reuse`() {
        var options = ServerOptions()
        options.maxMemoryBytes = 20 << 20
        let table = ConnectionTable(options)
        let pool = NIOThreadPool(numberOfThreads: 1)
        let connection = connection(table, pool)
        func kept(_ count: Int) -> Int {
            for _ in 0..<count {
                var frame = ByteBuffer(repeating: 1, count: Self.frameBytes)
                table.add(queued: frame.readableBytes)
                table.remove(queued: &frame)
            }
            return table.frameBuffers.byteCount
        }
        #expect(kept(10) == 10 << 20)
        table.add(queued: 7 << 20)
        #expect(table.hasRoom(for: connection))
        #expect(table.frameBuffers.byteCount == 2 << 20)
        table.add(queued: 2 << 20)
        #expect(table.hasRoom(for: connection))
        #expect(table.frameBuffers.byteCount == 0)
        #expect(kept(10) == 0)
    }

    @Test func `buffers that are unused for a while are released to the system`() {
        let buffers = FrameBuffers()
        var frames = (0..<3).map { _ in ByteBuffer(repeating: 1, count: Self.frameBytes) }
        for place in frames.indices { buffers.giveBack(&frames[place], maxBytes: .max) }
        let start = NIODeadline.now()
        buffers.trim(start)
        var frame = buffers.take(capacity: Self.frameBytes, ByteBufferAllocator()).buffer
        #expect(buffers.byteCount == 2 << 21)
        buffers.giveBack(&frame, maxBytes: .max)
        buffers.trim(start + .seconds(1))
        #expect(buffers.byteCount == 3 << 21)
        buffers.trim(start + .seconds(6))
        #expect(buffers.byteCount == 1 << 21)
        buffers.trim(start + .seconds(12))
        #expect(buffers.byteCount == 0)
    }
}
