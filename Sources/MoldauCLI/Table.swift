import Foundation

/// Rows under titles: as aligned text for people, or as JSON for programs.
struct Table {
    /// The content of a cell.
    enum Cell: Equatable {
        case text(String)
        case number(Int64)
        /// A value that JSON shows as it is.
        case json(ConsoleValue)
        /// Unknown, or absent.
        case missing

        var text: String {
            switch self {
            case .text(let text): text
            case .number(let number): "\(number)"
            case .json(let value): value.text
            case .missing: "-"
            }
        }

        var json: Any {
            switch self {
            case .text(let text): text
            case .number(let number): number
            case .json(let value): value.json
            case .missing: NSNull()
            }
        }
    }

    /// In capitals, with hyphens between words, as Kafka's tools print them.
    let titles: [String]
    private(set) var rows: [[Cell]] = []

    init(_ titles: String...) { self.titles = titles }

    mutating func add(_ cells: Cell...) {
        precondition(cells.count == titles.count, "a row has a cell under each title")
        rows.append(cells)
    }

    /// Prints titles and rows.
    func write(asJSON: Bool, to output: LineOutput) throws {
        if asJSON {
            let keys = titles.map(Self.key)
            let objects = rows.map { row in Dictionary(zip(keys, row.map(\.json))) { $1 } }
            return try output.write(json: objects)
        }
        for line in lines { try output.write(line) }
    }

    /// As aligned text.
    var lines: [String] {
        let lines = [titles] + rows.map { $0.map(\.text) }
        let widths = titles.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            let cells = zip(line, widths).map { text, width in
                text + String(repeating: " ", count: width - text.count)
            }
            let text = cells.joined(separator: "  ")
            return String(text.reversed().drop { $0 == " " }.reversed())
        }
    }

    /// The JSON key of a title: `currentOffset` for CURRENT-OFFSET.
    private static func key(_ title: String) -> String {
        let words = title.split(separator: "-").map { $0.lowercased() }
        return (words.prefix(1) + words.dropFirst().map(\.capitalized)).joined()
    }
}

extension LineOutput {
    /// Writes a value that `JSONSerialization` accepts, on one line.
    func write(json value: Any) throws {
        try write(try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .withoutEscapingSlashes]))
    }
}

extension Optional {
    /// The value for `JSONSerialization`; null if there is none.
    var json: Any { map { $0 as Any } ?? NSNull() }
}
