import HTTPTypes
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauState

/// Why a request was refused: a status, a word for programs, and a sentence for people.
struct ConsoleError: Error {
    var status: HTTPResponse.Status
    var kind: String
    var sentence: String
    /// Additional members of the answer's JSON.
    var facts: [JSONValue.Member] = []

    init(_ status: HTTPResponse.Status, _ kind: String, _ sentence: String) {
        (self.status, self.kind, self.sentence) = (status, kind, sentence)
    }

    static let notAllowed = ConsoleError(
        .methodNotAllowed, "readOnly", "the console is read-only: use GET")
    static let tooLong = ConsoleError(
        .uriTooLong, "tooLong", "the path and query have at most \(ConsoleLimits.urlBytes) bytes")
    static let unauthorized = ConsoleError(
        .unauthorized, "unauthorized", "send the console's token as 'Authorization: Bearer …'")
    static func foreignHost(_ host: String) -> ConsoleError {
        ConsoleError(
            .forbidden, "foreignHost",
            "the console answers on this machine only: ask http://localhost, not '\(host)'")
    }
    static func busy(_ sentence: String) -> ConsoleError { ConsoleError(.serviceUnavailable, "busy", sentence) }
    static func badParameter(_ sentence: String) -> ConsoleError { ConsoleError(.badRequest, "badParameter", sentence) }
    static func notFound(_ sentence: String) -> ConsoleError { ConsoleError(.notFound, "notFound", sentence) }
    static func unknownTopic(_ name: String) -> ConsoleError {
        ConsoleError(.notFound, "unknownTopic", "the topology has no topic '\(name)'; /topics lists its topics")
    }

    /// The answer for an error of the engine.
    init(_ error: any Error) {
        switch error {
        case let error as ConsoleError: self = error
        case let error as QueryError: self.init(error)
        case let error as SerdeError: self.init(.badRequest, "unreadableKey", "\(error)")
        case let error as ClusterError: self.init(error)
        case is CancellationError: self.init(.serviceUnavailable, "stopping", "the console is shutting down")
        case let error as StateError: self.init(.internalServerError, "state", "\(error)")
        default: self.init(.internalServerError, "failed", "an unexpected error: \(error)")
        }
    }

    private init(_ error: QueryError) {
        let sentence = "\(error)"
        switch error {
        case .unknownStore: self.init(.notFound, "unknownStore", sentence)
        case .wrongType: self.init(.internalServerError, "wrongType", sentence)
        case .unreadableKey: self.init(.badRequest, "unreadableKey", sentence)
        case .notLogged: self.init(.badRequest, "notLogged", sentence)
        case .wrongQuestion: self.init(.badRequest, "wrongQuestion", sentence)
        case .unknownPartition: self.init(.notFound, "unknownPartition", sentence)
        case .notAnInput: self.init(.badRequest, "notAnInput", sentence)
        case .restoring: self.init(.serviceUnavailable, "restoring", sentence)
        case .timedOut: self.init(.serviceUnavailable, "timedOut", sentence)
        case .notRunning: self.init(.serviceUnavailable, "notRunning", sentence)
        case .tooMany: self.init(.serviceUnavailable, "busy", sentence)
        case .elsewhere(_, let task, let host):
            // Not a redirect: the token would not be sent with it, and the address does not say whether to use TLS.
            self.init(.misdirectedRequest, "elsewhere", sentence)
            facts = [
                .init(name: "task", value: .string("\(task)")),
                .init(name: "host", value: host.map(JSONValue.string) ?? .null),
            ]
        }
    }

    private init(_ error: ClusterError) {
        switch error {
        case .unknownTopic: self.init(.notFound, "unknownTopic", "\(error)")
        case .unknownPartition: self.init(.notFound, "unknownPartition", "\(error)")
        default: self.init(.serviceUnavailable, "cluster", "\(error)")
        }
    }

    var answer: Answer {
        let body = JSONValue.object(
            [.init(name: "error", value: .string(sentence)), .init(name: "kind", value: .string(kind))] + facts)
        var answer = Answer(body, status: status)
        switch status {
        case .methodNotAllowed: answer.headers[.allow] = "GET"
        case .unauthorized: answer.headers[.wwwAuthenticate] = "Bearer"
        case .serviceUnavailable: answer.headers[.retryAfter] = "1"
        default: break
        }
        return answer
    }
}
