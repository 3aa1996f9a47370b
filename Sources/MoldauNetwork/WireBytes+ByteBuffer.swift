package import MoldauWire
package import NIOCore

extension WireBytes {
    /// A view of the readable bytes of the buffer, whose memory must not be written any more.
    package init(_ buffer: ByteBuffer) {
        self = buffer.withUnsafeReadableBytesWithStorageManagement { bytes, storage in
            WireBytes(bytes, owner: storage.takeUnretainedValue())
        }
    }
}
