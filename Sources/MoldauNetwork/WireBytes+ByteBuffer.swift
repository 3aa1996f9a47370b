package import MoldauWire
package import NIOCore

extension WireBytes {
    /// A view of what is readable in the buffer, of which nobody writes to its memory any more.
    package init(_ buffer: ByteBuffer) {
        self = buffer.withUnsafeReadableBytesWithStorageManagement { bytes, storage in
            WireBytes(bytes, owner: storage.takeUnretainedValue())
        }
    }
}
