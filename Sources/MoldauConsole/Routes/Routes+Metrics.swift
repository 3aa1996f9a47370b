import MoldauRuntime

extension Routes {
    /// Numbers for those who watch the application.
    static func metricsRoutes(_ subject: ConsoleSubject) -> [Route] {
        let engine = subject.engine
        return [
            Route("/metrics", "All metrics, as Prometheus reads them (version 0.0.4).", .text) { _ in
                Answer(text: try await engine.prometheus(), type: "text/plain; version=0.0.4; charset=utf-8")
            },
            Route(
                "/lag",
                "How far the groups of the cluster are behind, and whether they keep up; judged by several calls.",
                .json("LagReport")
            ) { _ in try Answer(try await engine.lag()) },
        ]
    }
}
