import Moldau

/// The application's name, its topics and its topology.
enum WordCountTopology {
    static let id = "word-count"
    static let lines = Topic<String?, String>("text-lines")
    static let counts = Topic<String, Int64>("word-counts")
    static let wordCounts = TableStoreName<String, Int64>("word-counts")

    static func make() throws -> Topology {
        try Topology { streams in
            streams.stream(lines)
                .flatMapValues { line in line.lowercased().split(whereSeparator: \.isWhitespace).map(String.init) }
                .groupBy { _, word in word }
                .count(as: wordCounts)
                .toStream()
                .to(counts)
        }
    }
}
