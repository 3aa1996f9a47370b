/// Bytes of a file of the operating system, for whoever sends them without reading them: the descriptor can be read
/// from while this is held, even if the file is removed.
///
/// What is below a log's end never changes, so the bytes are the same until then.
package struct FileBytes: Sendable {
    /// Belongs to the log: not to be closed, and not to be used for anything but reading at positions.
    package let descriptor: Int32
    /// Where the bytes are.
    package let range: Range<Int>
    private let hold: FileHold

    package init(descriptor: Int32, range: Range<Int>, hold: FileHold) {
        self.descriptor = descriptor
        self.range = range
        self.hold = hold
    }
}
