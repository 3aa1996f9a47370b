// A frame on the wire: its length i32, then that many bytes.

internal import MoldauWire
internal import NIOCore

/// Cuts what a connection receives into frames, and passes them on.
final class FrameReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// The largest answer that is taken: larger than what any fetch asks for.
    private static var maxFrameBytes: Int { 1 << 30 }

    private let link: SocketLink
    private var received = ByteBuffer()

    init(_ link: SocketLink) { self.link = link }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if received.readableBytes == 0 { received = bytes } else { received.writeBuffer(&bytes) }
        while let length = received.getInteger(at: received.readerIndex, as: Int32.self) {
            guard length >= 0, length <= Self.maxFrameBytes else {
                link.end("a frame's length is \(length)")
                return
            }
            guard received.readableBytes - 4 >= Int(length) else { break }
            received.moveReaderIndex(forwardBy: 4)
            if let frame = received.readSlice(length: Int(length)) { link.receive(frame) }
        }
        keepRest()
    }

    /// The beginning of a frame, in memory of its own: what was received is kept alive by the records in it.
    private func keepRest() {
        guard received.readableBytes > 0 else {
            received = ByteBuffer()
            return
        }
        guard received.readerIndex > 0 else { return }
        // Memory grows with what has come, never with what was only announced.
        let announced = Int(received.getInteger(at: received.readerIndex, as: Int32.self) ?? 0) + 4
        var rest = ByteBufferAllocator().buffer(
            capacity: min(announced, max(64 << 10, received.readableBytes * 64)))
        rest.writeImmutableBuffer(received)
        received = rest
    }

    func channelInactive(context: ChannelHandlerContext) { link.end("the broker has closed it") }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { link.end("\(error)") }
}
