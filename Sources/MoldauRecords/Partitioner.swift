/// Chooses a record's partition as Kafka's producers do. One per producer and topic; deterministic.
public struct Partitioner: Sendable {
    /// Given the key (nil for null) and the number of partitions, returns a partition below that number.
    public typealias Choice = @Sendable (_ key: UnsafeRawBufferPointer?, _ count: Int32) -> Partition

    @usableFromInline enum Strategy: Sendable {
        case keyed
        case roundRobin
        case custom(Choice)
    }

    @usableFromInline let strategy: Strategy
    @usableFromInline let stickyBytes: Int
    @usableFromInline var current: UInt32
    @usableFromInline var bytesOnCurrent = 0

    /// Partitions by the key's murmur2. Records without a key stay on one partition until about `stickyBytes` have been
    /// sent to it, then move to the next.
    /// - Parameters:
    ///   - seed: the partition of the first record without a key, modulo the number of partitions.
    ///   - stickyBytes: how many bytes of records without a key one partition gets before the next.
    public static func keyed(seed: UInt32 = 0, stickyBytes: Int = 16 * 1024) -> Partitioner {
        Partitioner(strategy: .keyed, stickyBytes: stickyBytes, current: seed)
    }

    /// One partition after another, starting with `seed`, whatever the key.
    public static func roundRobin(seed: UInt32 = 0) -> Partitioner {
        Partitioner(strategy: .roundRobin, stickyBytes: 0, current: seed)
    }

    /// The partition that `choose` returns. Traps if the topic has no such partition.
    public static func custom(_ choose: @escaping Choice) -> Partitioner {
        Partitioner(strategy: .custom(choose), stickyBytes: 0, current: 0)
    }

    /// The partition that Kafka's producers choose for a key.
    @inlinable public static func partition(ofKey key: UnsafeRawBufferPointer, count: Int32) -> Partition {
        Partition((murmur2(key) & 0x7fff_ffff) % count)
    }

    /// The partition of the next record.
    /// - Parameters:
    ///   - key: the bytes of the key; nil if the record has none.
    ///   - byteCount: about how many bytes the record takes.
    ///   - count: the number of partitions, at least 1.
    @inlinable
    public mutating func partition(key: UnsafeRawBufferPointer?, byteCount: Int, count: Int32) -> Partition {
        precondition(count > 0, "a topic has at least one partition")
        switch strategy {
        case .keyed:
            if let key { return Self.partition(ofKey: key, count: count) }
            if bytesOnCurrent >= stickyBytes {
                current &+= 1
                bytesOnCurrent = 0
            }
            bytesOnCurrent += byteCount
            return Partition(Int32(current % UInt32(count)))
        case .roundRobin:
            defer { current &+= 1 }
            return Partition(Int32(current % UInt32(count)))
        case .custom(let choose):
            let chosen = choose(key, count)
            precondition(
                chosen.number >= 0 && chosen.number < count, "the partitioner chose a partition that does not exist")
            return chosen
        }
    }
}
