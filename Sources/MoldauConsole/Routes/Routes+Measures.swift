extension Routes {
    /// How the application and its groups do, as numbers.
    static func measureRoutes(_ subject: ConsoleSubject) -> [Route] {
        [
            Route("/metrics", "All metrics, as text for Prometheus. See Docs/Operating.md.", .text) { _ in
                Answer(text: try await subject.metrics(), type: "text/plain; version=0.0.4; charset=utf-8")
            },
            Route("/lag", "Whether groups keep up: samples of every 5 seconds, judged.", .json("Lag")) { _ in
                try Answer(subject.lag.report)
            },
        ]
    }
}
