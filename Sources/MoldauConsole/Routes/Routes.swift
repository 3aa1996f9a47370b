import Moldau
import MoldauRuntime

/// What the routes tell about.
struct ConsoleSubject: Sendable {
    let engine: StreamsEngine
    let updates: UpdateHub
    let lag: LagHub
    /// All metrics, as text for Prometheus.
    let metrics: @Sendable () async throws -> String
    let limits = ConsoleLimits()
    let randomness: @Sendable () -> UInt64

    init(_ app: StreamsApplication, randomness: @escaping @Sendable () -> UInt64 = { .random(in: 0...(.max)) }) {
        let engine = app.engine
        (self.engine, self.randomness, metrics) = (engine, randomness, { try await app.prometheus() })
        lag = LagHub { try await app.groupProgress() }
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
            + topicRoutes(subject) + updateRoutes(subject) + changeRoutes(subject) + measureRoutes(subject)
        return routes + [descriptionRoute(of: routes)]
    }
}
