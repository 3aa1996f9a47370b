// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Moldau
import Testing

struct PagesExamples {
    @Test func `README.md`() throws {
        try Example.run(
            """
            lines: 1=To be or not to be
            counts: to=1, be=1, or=1, not=1, to=2, be=2
            """
        ) { example in
            let lines      = Topic<String, String>("text-lines")
            let counts     = Topic<String, Int64>("word-counts")
            let wordCounts = KeyValueStoreName<String, Int64>("word-counts")

            let topology = try Topology { streams in
                streams.stream(lines)
                    .flatMapValues { line in line.lowercased().split(whereSeparator: \.isWhitespace).map(String.init) }
                    .groupBy { _, word in word }
                    .count(as: wordCounts)
                    .toStream()
                    .to(counts)
            }
            example.topology = topology
            example.show("lines", lines)
            example.show("counts", counts)
        }
    }

    func `README.md (2)`(_ example: Example) async throws {
        let topology = example.topology
        let app = StreamsApplication(id: "word-count", topology: topology, cluster: .embedded(at: "data"))
        try await app.run()
        _ = app
    }

    @Test func `Docs/ComingFromKafkaStreams.md`() throws {
        try Example.run(
            """
            clicks: ada@10=/home, ada@20=/shop, ada@70=/home
            visits: ada[0-60]=2
            """
        ) { example in
            let clicks = example.clicks
            let windows = TimeWindows.tumbling(.seconds(60), grace: .seconds(5))
            let visits = clicks.groupByKey().windowedBy(windows, emit: .onWindowClose).count()
            example.show("visits", visits)
        }
    }

    func `Docs/Serdes.md`(_ example: Example) throws {
        let counts = Topic<String, Int64>("word-counts")
        _ = counts
    }

    func `Docs/Serdes.md (2)`(_ example: Example) throws {
        struct Order: JSONStreamCodable { var id: String; var amount: Int }
    }

    @Test func `Docs/Serdes.md (3)`() throws {
        try Example.run(
            """
            lines: kitchen=21.5
            temperatures: kitchen=Celsius(degrees: 21.5)
            """
        ) { example in
            let lines = example.lines
            struct Celsius: StreamCodable {
                var degrees: Double
                static let serde = Serde<Celsius>(
                    encode: { value, writer in try Double.serde.encode(value.degrees, &writer) },
                    decode: { bytes in Celsius(degrees: try Double.serde.decode(bytes)) })
            }

            let temperatures = Topic<String, Celsius>("temperatures")
            lines.mapValues { line in Celsius(degrees: Double(line) ?? .nan) }.to(temperatures)
            example.show("temperatures", temperatures)
        }
    }

    @Test func `Docs/Serdes.md (4)`() throws {
        try Example.run(
            """
            lines: 1=to be
            subjects: 1=copies-value to be
            """
        ) { example in
            let streams = example.streams
            let lines = example.lines
            let text = Serde<String>.perTopic { topic, part in
                let subject = "\(topic)-\(part)"
                return Serde(
                    encode: { text, writer in writer.append(utf8: "\(subject) \(text)") },
                    decode: { bytes in String(try String.serde.decode(bytes).dropFirst(subject.count + 1)) })
            }

            lines.to(Topic("copies", key: String.serde, value: text))
            let subjects = streams.stream(Topic<String, String>("copies")).mapValues { $0 }
            example.show("subjects", subjects)
        }
    }

    @Test func `Docs/Serdes.md (5)`() throws {
        try Example.run(
            """
            lines: 1=to be
            read: 1=to be by 7
            """
        ) { example in
            let streams = example.streams
            let lines = example.lines
            let marked = Serde<String>(
                encode: { text, writer, headers in
                    if headers["schema"] == nil { headers.append(Header("schema", "7")) }
                    writer.append(utf8: text)
                },
                decode: { bytes, headers in
                    "\(try String.serde.decode(bytes)) by \(String(decoding: headers["schema"] ?? [], as: UTF8.self))"
                })

            lines.to(Topic("marked", key: String.serde, value: marked))
            let read = streams.stream(Topic("marked", key: String.serde, value: marked)).mapValues { $0 }
            example.show("read", read)
        }
    }
}
