import Foundation
import HTTPTypes
import MoldauRecords
import MoldauRuntime

extension Routes {
    /// The web page. It contains no data and needs no token, which browsers could not send.
    static func pageRoutes(_ subject: ConsoleSubject) -> [Route] {
        let page = GuardedPage(String(decoding: PackageResources.page_html, as: UTF8.self))
        return [
            Route("/", "The live page.", .html, isOpen: true) { _ in
                let nonce = [subject.randomness(), subject.randomness()].map { String($0, radix: 16) }.joined()
                var answer = Answer(text: page.text(nonce), type: "text/html; charset=utf-8")
                answer.headers[.contentSecurityPolicy] = page.policy(nonce)
                return answer
            }
        ]
    }
}

/// A page whose own scripts and styles run in browsers while injected ones do not: only its own carry the nonce, which
/// differs for each answer (Content Security Policy, level 3).
struct GuardedPage: Sendable {
    /// The page, split at the places for the nonce.
    private let parts: [String]

    init(_ page: String) {
        parts = page.replacing(/<(script|style)(?=[\s>])/) { "<\($0.output.1) nonce=\"\u{0}\"" }
            .components(separatedBy: "\u{0}")
    }

    func text(_ nonce: String) -> String { parts.joined(separator: nonce) }

    func policy(_ nonce: String) -> String {
        "default-src 'none'; script-src 'nonce-\(nonce)'; style-src 'nonce-\(nonce)'; connect-src 'self'; img-src data:; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    }
}
