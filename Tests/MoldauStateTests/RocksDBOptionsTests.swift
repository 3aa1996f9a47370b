import Foundation
import MoldauRecords
import Testing

@testable import MoldauState

/// The options for RocksDB that users can set.
struct RocksDBOptionsTests {
    private static let none: RocksDBOptions = {
        var options = RocksDBOptions()
        (options.compression, options.bloomBitsPerKey, options.blockBytes) = (.uncompressed, 0, 1 << 16)
        return options
    }()
    private static let lz4: RocksDBOptions = {
        var options = RocksDBOptions()
        (options.compression, options.blockBytes) = (.lz4, 0)
        return options
    }()

    private let name = KeyValueStoreName<String, String>("texts")

    /// Opens the store, calls `use` with it, and closes it with everything on disk.
    private func open(
        _ directory: TemporaryDirectory, _ options: RocksDBOptions,
        _ use: (KeyValueStore<String, String>) throws -> Void
    ) throws {
        let environment = StoreEnvironment(
            directory: directory.path, memory: StateMemory(budgetBytes: 8 << 20), rocksDB: options)
        defer { environment.close() }
        let cache = try environment.cache(for: StoreDefinition(name))
        let store = KeyValueStore(cache: cache, key: String.serde, value: String.serde)
        try use(store)
        try cache.commitAll(store: true)
        try store.close()
    }

    /// The size of the data files in bytes.
    private func size(_ directory: TemporaryDirectory) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: directory.path).filter { $0.hasSuffix(".sst") }
            .reduce(0) { size, file in
                let attributes = try FileManager.default.attributesOfItem(atPath: "\(directory.path)/\(file)")
                return size + (attributes[.size] as? Int ?? 0)
            }
    }

    @Test func `compression reduces the size on disk, and data can be read with other options`() throws {
        var sizes: [Int] = []
        for (first, second) in [(Self.none, Self.lz4), (Self.lz4, Self.none)] {
            let directory = TemporaryDirectory()
            try open(directory, first) { store in
                for number in 0..<200 { try store.put("\(number)", String(repeating: "long ", count: 200)) }
            }
            sizes.append(try size(directory))
            try open(directory, second) { store in
                let (last, missing) = (try store.get("199"), try store.get("200"))
                #expect(last?.count == 1_000 && missing == nil)
            }
        }
        #expect(sizes[1] * 4 < sizes[0])
    }
}
