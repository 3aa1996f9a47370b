/// How RocksDB stores an application's state on disk. Its memory use is limited by
/// `StreamsConfiguration.stateMemoryBytes`, whatever these options say.
public struct RocksDBOptions: Sendable, Hashable {
    /// How blocks are compressed. Opening a store throws `StateError.rocksDB` if RocksDB was built without the method.
    public enum Compression: Int32, Sendable, Hashable, CaseIterable {
        /// Blocks are stored as they are: the least work, the most disk space.
        case uncompressed = 0
        /// Fast, with moderate savings of space.
        case snappy = 1
        /// About as fast as Snappy, and often a little smaller.
        case lz4 = 4
        /// The smallest files, for more work.
        case zstd = 7
    }

    /// The size of a block before compression, which is the unit of reads from disk. Larger blocks compress better and
    /// need less memory for indexes; smaller ones make single look-ups cheaper. Values are clamped to the range from 1
    /// KiB to 1 MiB.
    public var blockBytes = 4 << 10
    /// nil: RocksDB's default, which is Snappy if it was built with it.
    public var compression: Compression?
    /// Bits per key of the filters that tell which files cannot contain a key. With 10, one look-up in a hundred of a
    /// missing key reads a block in vain; 0 means no filters.
    public var bloomBitsPerKey: Double = 10
    /// The most files that a task's RocksDB keeps open; at most a sixteenth of the process's limit.
    public var maxOpenFiles: Int32 = 256

    /// The defaults.
    public init() {}

    var boundedBlockBytes: Int { min(max(blockBytes, 1 << 10), 1 << 20) }
}
