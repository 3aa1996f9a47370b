import MoldauRuntime

/// What the routes report on.
struct ConsoleSubject: Sendable {
    let engine: StreamsEngine
    let updates: UpdateHub
    let limits = ConsoleLimits()
    let randomness: @Sendable () -> UInt64

    init(engine: StreamsEngine, randomness: @escaping @Sendable () -> UInt64 = { .random(in: 0...(.max)) }) {
        (self.engine, self.randomness) = (engine, randomness)
        updates = UpdateHub {
            let look = try await engine.look()
            return try ServerEvent("update", Update(look.status, look.explanation))
        }
    }
}

/// The paths of the console.
enum Routes {
    /// All of them; a new group of paths is added here.
    static func all(of subject: ConsoleSubject) -> [Route] {
        let routes =
            pageRoutes(subject) + healthRoutes(subject) + applicationRoutes(subject) + storeRoutes(subject)
            + topicRoutes(subject) + updateRoutes(subject) + changeRoutes(subject) + metricsRoutes(subject)
        return routes + [descriptionRoute(of: routes)]
    }
}
