import Hummingbird
import HummingbirdCore
import NIOCore

/// What a request needs to know about its connection.
struct ConsoleContext: InitializableFromSource, Sendable {
    let channel: any Channel

    init(source: ApplicationRequestContextSource) { channel = source.channel }
}

/// Answers requests by the table of routes.
struct ConsoleResponder: HTTPResponder {
    private let routes: [Route]
    private let gate: ConsoleGate
    private let limits: ConsoleLimits

    init(_ routes: [Route], gate: ConsoleGate, limits: ConsoleLimits) {
        (self.routes, self.gate, self.limits) = (routes, gate, limits)
    }

    func respond(to request: Request, context: ConsoleContext) async throws -> Response {
        let response: Response
        do {
            response = try await answer(request, context).response
        } catch {
            response = ConsoleError(error).answer.response
        }
        // Answers to HEAD have no body.
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(_ request: Request, _ context: ConsoleContext) async throws -> Answer {
        let target = RequestTarget(request.head.path ?? "/")
        let path = try? target.segments
        let route = path.flatMap { path in routes.first { $0.matches(path) } }
        try gate.check(request.head, isOpen: route?.isOpen ?? false)
        guard let route, let path else {
            throw ConsoleError.notFound("there is nothing at this path; /openapi.json lists all paths")
        }
        let question = Question(
            path: route.values(in: path), query: try target.query(allowing: route.parameters.map(\.name)),
            channel: context.channel)
        // Health checks are answered regardless of how many requests are waiting.
        if route.isOpen { return try await route.answer(question) }
        return try await limits.requests.during { try await route.answer(question) }
    }
}
