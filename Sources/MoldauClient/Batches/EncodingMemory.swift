internal import MoldauRecords
internal import Synchronization

/// A reusable buffer in which something is encoded before its bytes are copied to their destination. Reused, since
/// fresh memory costs more than the copy.
@usableFromInline final class EncodingMemory: Sendable {
    /// Memory beyond this size is freed after use.
    private let mostBytes: Int
    private let spare = Mutex<ByteWriter?>(nil)

    init(mostBytes: Int) { self.mostBytes = mostBytes }

    @usableFromInline func take() -> ByteWriter {
        spare.withLock { $0.take() } ?? ByteWriter(capacity: 512)
    }

    @usableFromInline func give(_ writer: consuming ByteWriter) {
        guard writer.count <= mostBytes else { return }
        writer.removeAll()
        var given: ByteWriter? = writer
        spare.withLock { swap(&$0, &given) }
    }
}
