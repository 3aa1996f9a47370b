import MoldauRuntime

extension Routes {
    /// Metrics, for monitoring.
    static func metricsRoutes(_ subject: ConsoleSubject) -> [Route] {
        let engine = subject.engine
        return [
            Route("/metrics", "All metrics, as Prometheus reads them (version 0.0.4).", .text) { _ in
                Answer(text: try await engine.prometheus(), type: "text/plain; version=0.0.4; charset=utf-8")
            },
            Route(
                "/lag",
                "How far the application's group is behind, and whether it keeps up; judged by several calls.",
                .json("LagReport"), [.allGroups]
            ) { question in try Answer(try await engine.lag(ofAllGroups: try question.flag("all"))) },
        ]
    }
}

extension Route.Parameter {
    fileprivate static let allGroups = Route.Parameter(
        name: "all", meaning: "Whether to list all groups of the cluster, also those of others.", schema: flag)
}
