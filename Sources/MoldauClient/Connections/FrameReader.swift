// A frame on the wire: its length i32, then that many bytes.

internal import MoldauWire
internal import NIOCore

/// Splits the received bytes into frames, and passes them on.
final class FrameReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// The largest response that is accepted: larger than any fetch requests.
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

    /// Copies an incomplete frame to a buffer of its own, since the records in the old one keep that alive.
    private func keepRest() {
        guard received.readableBytes > 0 else {
            received = ByteBuffer()
            return
        }
        guard received.readerIndex > 0 else { return }
        // The buffer grows with what has arrived, not with the length that was announced.
        let announced = Int(received.getInteger(at: received.readerIndex, as: Int32.self) ?? 0) + 4
        var rest = ByteBufferAllocator().buffer(
            capacity: min(announced, max(64 << 10, received.readableBytes * 64)))
        rest.writeImmutableBuffer(received)
        received = rest
    }

    func channelInactive(context: ChannelHandlerContext) { link.end("the broker closed it") }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { link.end("\(error)") }
}
