import MoldauRuntime

/// A path of the console: its parameters, its answer, and its description.
struct Route: Sendable {
    struct Parameter: Sendable {
        let name: String
        let meaning: String
        /// The JSON Schema of its value.
        let schema: JSONValue
        var isRequired = false
    }

    /// The content of a successful answer.
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
    /// The query parameters.
    let parameters: [Parameter]
    let content: Content
    /// Whether it answers without the token: the answer reveals none of the data.
    let isOpen: Bool
    let answer: @Sendable (Question) async throws -> Answer
    private let segments: [Segment]

    private enum Segment: Sendable {
        case fixed(Substring)
        case parameter(String)
    }

    init(
        _ path: String, _ summary: String, _ content: Content, _ parameters: [Parameter] = [], isOpen: Bool = false,
        answer: @escaping @Sendable (Question) async throws -> Answer
    ) {
        (self.path, self.summary, self.parameters, self.content) = (path, summary, parameters, content)
        (self.isOpen, self.answer) = (isOpen, answer)
        segments = path.split(separator: "/").map {
            $0.hasPrefix("{") ? .parameter(String($0.dropFirst().dropLast())) : .fixed($0)
        }
    }

    /// The names of the path's parameters.
    var pathParameters: [String] {
        segments.compactMap { if case .parameter(let name) = $0 { name } else { nil } }
    }

    func matches(_ path: [String]) -> Bool {
        path.count == segments.count
            && zip(segments, path).allSatisfy { if case .fixed(let text) = $0 { text == $1 } else { true } }
    }

    /// The values of the parameters of a path that matches.
    func values(in path: [String]) -> [String: String] {
        var values: [String: String] = [:]
        for case (.parameter(let name), let part) in zip(segments, path) { values[name] = part }
        return values
    }
}
