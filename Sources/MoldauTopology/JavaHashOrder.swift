// Kafka Streams keeps names in Java hash sets and prints them in their iteration order. To print the same texts, this
// orders names like a `java.util.HashSet<String>`: by bucket, then by insertion.

/// The names in the order of a Java hash set that they were added to one by one.
func javaHashOrder(_ names: [String]) -> [String] {
    var capacity = 16
    while names.count * 4 > capacity * 3 { capacity *= 2 }
    let buckets = names.map { name in
        let hash = javaHash(name)
        return Int(hash ^ (hash >> 16)) & (capacity - 1)
    }
    return names.indices.sorted { (buckets[$0], $0) < (buckets[$1], $1) }.map { names[$0] }
}

/// Java's `String.hashCode`, over UTF-16.
private func javaHash(_ text: String) -> UInt32 {
    text.utf16.reduce(0) { $0 &* 31 &+ UInt32($1) }
}
