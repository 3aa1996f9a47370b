import MoldauRuntime

/// A path of the console: how it is asked, what it answers, and how it is described.
struct Route: Sendable {
    struct Parameter: Sendable {
        let name: String
        let meaning: String
        /// The JSON Schema of its value.
        let schema: JSONValue
        var isRequired = false
    }

    /// What is answered if all goes well.
    enum Content: Sendable {
        /// A schema of `OpenAPISchemas`.
        case json(String)
        case text
        case html
        /// Server-sent events: their names, with the schemas of their data.
        case events([(name: String, schema: String)])
    }

    /// With parameters in braces: `/stores/{store}`.
    let path: String
    let summary: String
    /// Those of the query.
    let parameters: [Parameter]
    let content: Content
    /// Whether it answers without the token: it tells nothing of the data.
    let isOpen: Bool
    let answer: @Sendable (Question) async throws -> Answer
    private let segments: [Substring]

    init(
        _ path: String, _ summary: String, _ content: Content, _ parameters: [Parameter] = [], isOpen: Bool = false,
        answer: @escaping @Sendable (Question) async throws -> Answer
    ) {
        (self.path, self.summary, self.parameters, self.content) = (path, summary, parameters, content)
        (self.isOpen, self.answer) = (isOpen, answer)
        segments = path.split(separator: "/")
    }

    /// The names of the path's parameters.
    var pathParameters: [String] { segments.compactMap(Self.parameter) }

    /// The values of the path's parameters; nil if this is another path.
    func values(in path: [String]) -> [String: String]? {
        guard path.count == segments.count else { return nil }
        var values: [String: String] = [:]
        for (segment, part) in zip(segments, path) {
            if let name = Self.parameter(segment) { values[name] = part } else if segment != part { return nil }
        }
        return values
    }

    private static func parameter(_ segment: Substring) -> String? {
        segment.hasPrefix("{") ? String(segment.dropFirst().dropLast()) : nil
    }
}
