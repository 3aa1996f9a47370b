/// How RocksDB keeps the stores of an application on disk. The memory that it takes is `StateMemory`'s to bound, whatever
/// stands here.
public struct RocksDBOptions: Sendable, Hashable {
    /// How blocks are compressed. What RocksDB was built without is a `StateError.rocksDB` when a store is opened.
    public enum Compression: Int32, Sendable, Hashable, CaseIterable {
        case none = 0
        case snappy = 1
        case lz4 = 4
        case zstd = 7
    }

    /// The bytes of a block before compression: what one read from disk brings. Larger blocks compress better and need
    /// less memory for indexes; smaller ones make single look-ups cheaper. At least 1 KiB and at most 1 MiB; what lies outside
    /// is taken as that.
    public var blockBytes = 4 << 10
    /// nil: RocksDB's own choice, which is Snappy where it was built with it.
    public var compression: Compression?
    /// Bits per key of the filters that tell which files cannot have a key. With 10 one look-up of a missing key in a hundred
    /// reads a block for nothing; 0 means no filters.
    public var bloomBitsPerKey: Double = 10
    /// Files that a task's RocksDB holds open at most; less where the process may open less than 16 times as many.
    public var maxOpenFiles: Int32 = 256

    public init() {}

    var boundedBlockBytes: Int { min(max(blockBytes, 1 << 10), 1 << 20) }
}
