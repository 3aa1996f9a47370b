import HTTPTypes
import MoldauRuntime

extension Routes {
    /// Health checks, for orchestrators and load balancers.
    static func healthRoutes(_ subject: ConsoleSubject) -> [Route] {
        let engine = subject.engine
        return [
            Route(
                "/live", "Whether the process is fine: 503 after an error ended the application.", .text, isOpen: true
            ) {
                _ in
                guard engine.state == .error else { return Answer(text: "ok", type: "text/plain; charset=utf-8") }
                throw ConsoleError(
                    .serviceUnavailable, "failed", "an error ended the application; /explain says which")
            },
            Route(
                "/ready", "Whether the application runs and restores nothing: 503 otherwise.", .json("Readiness"),
                isOpen: true
            ) { _ in
                let readiness = engine.readiness
                return try Answer(readiness, status: readiness.ready ? .ok : .serviceUnavailable)
            },
        ]
    }
}
