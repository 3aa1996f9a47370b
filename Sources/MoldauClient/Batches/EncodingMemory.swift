internal import MoldauRecords
internal import Synchronization

/// Memory that something is encoded in before its bytes are copied to where they go. Reused: fresh memory costs more
/// than the copy.
@usableFromInline final class EncodingMemory: Sendable {
    /// What needed more gives it back.
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
