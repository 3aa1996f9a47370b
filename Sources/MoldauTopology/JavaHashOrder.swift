// Kafka Streams keeps names in Java hash sets and prints what their iterators give. To print the same texts, this orders names as a
// `java.util.HashSet<String>` would: by bucket, then by arrival.

/// The names in the order of a Java hash set to which they were added one by one.
func javaHashOrder(_ names: [String]) -> [String] {
    var capacity = 16
    while names.count * 4 > capacity * 3 { capacity *= 2 }
    let buckets = names.map { name in
        let hash = javaHash(name)
        return Int(hash ^ (hash >> 16)) & (capacity - 1)
    }
    return names.indices.sorted { (buckets[$0], $0) < (buckets[$1], $1) }.map { names[$0] }
}

/// `java.lang.String.hashCode`, over UTF-16.
private func javaHash(_ text: String) -> UInt32 {
    text.utf16.reduce(0) { $0 &* 31 &+ UInt32($1) }
}
