import Moldau

enum Counter {
    static let lines = Topic<String?, String>("text-lines")  // A line need not have a key.
    static let counts = Topic<String, Int64>("word-counts")

    static func topology() throws -> Topology {
        try Topology { streams in
            streams.stream(lines)
                .flatMapValues { line in line.lowercased().split(whereSeparator: \.isWhitespace).map(String.init) }
                .groupBy { _, word in word }
                .count(as: TableStoreName("word-counts"))
                .toStream()
                .to(counts)
        }
    }
}
