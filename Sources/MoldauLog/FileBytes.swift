/// Bytes of a file of the operating system, for a sender that does not copy them to memory: the descriptor is readable
/// while this is held, even if the file is removed.
///
/// Data below a log's end never changes, so the bytes stay the same while this is held.
package struct FileBytes: Sendable {
    /// Belongs to the log: not to be closed, and not to be used for anything but reading at positions.
    package let descriptor: Int32
    /// The position of the bytes.
    package let range: Range<Int>
    private let hold: FileHold

    package init(descriptor: Int32, range: Range<Int>, hold: FileHold) {
        self.descriptor = descriptor
        self.range = range
        self.hold = hold
    }
}
