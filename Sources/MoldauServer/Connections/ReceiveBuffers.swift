internal import NIOCore

/// Has a channel receive into the buffers that its connection's `FrameCutter` wants.
///
/// The channel must read once per event (`maxMessagesPerRead` 1): then it keeps no buffers itself, but for the first.
struct ReceiveBuffers: RecvByteBufferAllocator {
    let cutter: NIOLoopBound<FrameCutter>

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { cutter.value.nextBuffer() }

    /// - Returns: true: each time the channel has to ask for a buffer.
    func record(actualReadBytes: Int) -> Bool { true }
}
