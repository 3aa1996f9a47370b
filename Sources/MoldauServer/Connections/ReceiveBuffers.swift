internal import NIOCore

/// Makes a channel receive into the buffers that its connection's `FrameCutter` provides.
///
/// The channel must read once per event (`maxMessagesPerRead` 1): then it keeps no buffers itself, except the first.
struct ReceiveBuffers: RecvByteBufferAllocator {
    let cutter: NIOLoopBound<FrameCutter>

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { cutter.value.nextBuffer() }

    /// - Returns: true, so that the channel requests a new buffer each time.
    func record(actualReadBytes: Int) -> Bool { true }
}
