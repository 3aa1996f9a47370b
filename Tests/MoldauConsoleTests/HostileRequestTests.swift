import Foundation
import HTTPTypes
import Hummingbird
import Moldau
import MoldauRecords
import MoldauTopology
import NIOEmbedded
import Testing

@testable import MoldauConsole

/// What the console rejects, and how.
struct HostileRequestTests {
    @Test func `invalid requests are rejected with a status and a kind`() async throws {
        try await ConsoleFixture.run { fixture in
            let get = "/stores/{store}/get"
            let cases: [(String, of: String, Int, kind: JSON)] = [
                ("/stores/none/get?key=a", get, 404, "unknownStore"), ("/stores/counts/get", get, 400, "badParameter"),
                ("/stores/counts/get?key=a&kye=b", get, 400, "badParameter"),
                ("/stores/counts/get?key=a&key=b", get, 400, "badParameter"),
                ("/stores/counts/get?key=%", get, 400, "badParameter"),
                ("/stores/counts/get?key=%ff", get, 400, "badParameter"),
                ("/stores/counts/get?key=a&view=old", get, 400, "badParameter"),
                ("/stores/counts/get?key=a&stale=maybe", get, 400, "badParameter"),
                ("/stores/counts/get?key=a&at=1", get, 400, "wrongQuestion"),
                ("/stores/counts/get?key=a&start=1", get, 400, "badParameter"),
                ("/stores/counts/get?key=a&partition=7", get, 404, "unknownPartition"),
                ("/stores/counts/get?key=a&partition=-1", get, 400, "badParameter"),
                ("/stores/counts/get?key=a&atLeast=x", get, 400, "badParameter"),
                ("/stores/orders-table/get?key=many", get, 400, "unreadableKey"),
                ("/stores/orders-table/get?key=%7B%22hex%22:%2200%22%7D", get, 400, "unreadableKey"),
                ("/stores/places-table/get?key=%7B%22town%22:1%7D", get, 400, "unreadableKey"),
                ("/stores/hourly/get?key=a", get, 400, "wrongQuestion"),
                ("/stores/hourly/range", "/stores/{store}/range", 400, "wrongQuestion"),
                ("/stores/history/range", "/stores/{store}/range", 400, "wrongQuestion"),
                ("/stores/counts/windows", "/stores/{store}/windows", 400, "wrongQuestion"),
                ("/stores/counts/range?limit=1001", "/stores/{store}/range", 400, "badParameter"),
                ("/stores/counts/range?limit=0", "/stores/{store}/range", 400, "badParameter"),
                ("/stores/counts/range?after=zz", "/stores/{store}/range", 400, "badParameter"),
                ("/topics/prices/records?limit=501", "/topics/{topic}/records", 400, "badParameter"),
                ("/topics/prices/records?partition=1", "/topics/{topic}/records", 400, "badParameter"),
                ("/topics/prices/records?offset=-1", "/topics/{topic}/records", 400, "badParameter"),
                ("/topics/prices/records?offset=soon", "/topics/{topic}/records", 400, "badParameter"),
            ]
            for (target, path, status, kind) in cases {
                let answer = try await fixture.get(target, of: path, status: status)
                #expect(answer["kind"] == kind, "\(target)")
            }
            let suppress = try await fixture.get("/stores", of: "/stores")["stores"]?.list.first {
                $0["kind"] == "suppress"
            }
            let name = try #require(suppress?["name"]?.text)
            _ = try await fixture.get("/stores/\(name)/get?key=a", of: get, status: 404)
        }
    }

    @Test func `paths that do not exist, other methods and long addresses are rejected`() async throws {
        try await ConsoleFixture.run { fixture in
            for path in ["/nothing", "/stores/counts/get/more", "/..%2f..%2fetc", "/%zz", "//", "*", "/stores/%00"] {
                let reply = try await fixture.http.send(path)
                #expect(path == "//" ? reply.status == 200 : (400..<500).contains(reply.status), "\(path)")
            }
            for method in ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"] {
                let reply = try await fixture.http.send("/status", method: method)
                #expect(reply.status == 405 && reply.headers["allow"] == "GET", "\(method)")
            }
            let long = try await fixture.http.send("/status?" + String(repeating: "a", count: 8_200))
            #expect(long.status == 414)
        }
    }

    @Test func `requests for a host other than this machine are rejected`() async throws {
        try await ConsoleFixture.run { fixture in
            for host in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:80", "LOCALHOST"] {
                #expect(try await fixture.http.send("/status", headers: ["Host": host]).status == 200, "\(host)")
            }
            for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "localhost@evil"] {
                #expect(try await fixture.http.send("/status", headers: ["Host": host]).status == 403, "\(host)")
            }
            let reply = try await fixture.http.send(
                "/status", headers: ["Host": "localhost", "Origin": "http://evil.example"])
            #expect(reply.headers["access-control-allow-origin"] == nil)
            #expect(
                reply.headers["x-content-type-options"] == "nosniff" && reply.headers["cache-control"] == "no-store")
        }
    }

    @Test func `a token is required for everything but the page and health checks`() async throws {
        try await ConsoleFixture.run(at: .localhost(0, token: "secret")) { fixture in
            let host = ["Host": "console.example"]
            for path in ["/", "/live"] { #expect(try await fixture.http.send(path, headers: host).status == 200) }
            for field in [nil, "Bearer secre", "Bearer secrets", "Basic secret", "Bearer", "secret"] {
                var headers = host
                headers["Authorization"] = field
                let reply = try await fixture.http.send("/topology", headers: headers)
                #expect(reply.status == 401 && reply.headers["www-authenticate"] == "Bearer", "\(field ?? "")")
            }
            let headers = ["Host": "console.example", "Authorization": "bearer secret"]
            #expect(try await fixture.http.send("/topology", headers: headers).status == 200)
        }
    }

    @Test func `keys with control characters and markup are returned unchanged in JSON`() async throws {
        let keys = ["<script>alert(1)</script>", "\u{0}\u{1F}\"\\\n", "\u{202E}\u{2028}", "a b+c&d=e/%41#", "🙂é"]
        try await ConsoleFixture.run { fixture in
            for key in keys { try fixture.write(ConsoleFixture.visits, key, "x", at: 1) }
            for key in keys {
                let text = key.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
                let row = try await fixture.get(
                    "/stores/counts/get?key=\(text)", of: "/stores/{store}/get", until: "found", is: true)
                #expect(row["key"]?.text == key)
            }
            let page = try await fixture.get("/stores/counts/range", of: "/stores/{store}/range")
            #expect(Set(page["entries"]!.list.compactMap { $0["key"]?.text }) == Set(keys))
        }
    }

    @Test func `the page runs only its own scripts`() async throws {
        try await ConsoleFixture.run { fixture in
            let replies = [try await fixture.http.send("/"), try await fixture.http.send("/")]
            let policies = replies.map { $0.headers["content-security-policy"] ?? "" }
            #expect(policies[0].hasPrefix("default-src 'none'; script-src 'nonce-") && policies[0] != policies[1])
            let nonce = try #require(policies[0].firstMatch(of: /style-src 'nonce-([0-9a-f]+)'/)?.output.1)
            #expect(String(decoding: replies[0].body, as: UTF8.self).contains("<style nonce=\"\(nonce)\">"))
        }
        let page = GuardedPage("<style>a</style><script type=\"module\">b</script><styles><scripting>")
        #expect(
            page.text("N")
                == "<style nonce=\"N\">a</style><script nonce=\"N\" type=\"module\">b</script><styles><scripting>")
    }

    @Test func `a query for a task of another process is answered with its address`() throws {
        let task = TaskID(subtopology: 0, partition: Partition(3))
        let error = ConsoleError(QueryError.elsewhere(store: "counts", task, host: "other:8080"))
        #expect(error.status.code == 421)
        #expect(error.facts.map(\.name) == ["task", "host"] && error.facts.map(\.value) == ["0_3", "other:8080"])
    }

    @Test func `requests beyond the limit are rejected until others end`() throws {
        let places = Places(2, of: "requests")
        try places.take()
        try places.take()
        #expect(throws: ConsoleError.self) { try places.take() }
        places.giveBack()
        try places.take()
    }

    @Test func `a slow reader misses the oldest events and gets their number`() async throws {
        let reader = EventReader()
        for number in 0..<20 { #expect(reader.push(ServerEvent("update", .number(number)))) }
        reader.end()
        #expect(!reader.push(ServerEvent("update", .null)))
        var found: [ServerEvent] = []
        for await event in reader { found.append(event) }
        #expect(found.first == ServerEvent("dropped", ["count": .number(4)]))
        #expect(found.dropFirst().map(\.data) == (4..<20).map { "\($0)" })
    }

    @Test(.timeLimit(.minutes(1))) func `health checks are answered even at the request limit`() async throws {
        let limits = ConsoleLimits()
        while (try? limits.requests.take()) != nil {}
        let live = Route("/live", "Fine.", .text, isOpen: true) { _ in Answer(text: "fine", type: "text/plain") }
        let more = Route("/more", "More.", .text) { _ in Answer(text: "more", type: "text/plain") }
        try await Self.serve(live, more, limits: limits) { port in
            let (live, more) = (
                try await HTTPExchange(port: port).send("/live"), try await HTTPExchange(port: port).send("/more")
            )
            #expect(live.status == 200 && more.status == 503)
        }
    }

    @Test func `a stream that is rejected or never started releases its place and ends its source`() throws {
        let (places, channel) = (Places(1, of: "streams"), EmbeddedChannel())
        let first = EventReader()
        do {
            let answer = try Answer(events: first, places: places, to: channel, end: first.end)
            let refused = EventReader()
            #expect(throws: ConsoleError.self) {
                try Answer(events: refused, places: places, to: channel, end: refused.end)
            }
            #expect(!refused.push(ServerEvent("update", .null)) && first.push(ServerEvent("update", .null)))
            withExtendedLifetime(answer) {}
        }
        #expect(!first.push(ServerEvent("update", .null)))
        try places.take()
    }

    /// Nothing is ever written to such a stream, so no write can fail.
    @Test(.timeLimit(.minutes(1))) func `a stream without events ends when its client disconnects`() async throws {
        let places = Places(1, of: "streams")
        let silence = Route("/silence", "No events.", .events([])) { question in
            let reader = EventReader()
            return try Answer(events: reader, places: places, to: question.channel, end: reader.end)
        }
        try await Self.serve(silence) { port in
            for _ in 0..<3 {
                close(try await HTTPExchange(port: port).openStream("/silence"))
                while (try? places.take()) == nil { try await Task.sleep(for: .milliseconds(5)) }
                places.giveBack()
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a client that reads nothing for long is disconnected`() async throws {
        let (ended, source) = AsyncStream.makeStream(of: Void.self)
        let places = Places(1, of: "streams")
        let flood = Route("/flood", "Endless.", .events([])) { question in
            let events = AsyncStream<ServerEvent>(unfolding: {
                ServerEvent("flood", .string(String(repeating: "x", count: 1 << 20)))
            })
            return try Answer(
                events: events, places: places, to: question.channel, patience: .milliseconds(200),
                end: { source.yield() })
        }
        try await Self.serve(flood) { port in
            let socket = try await HTTPExchange(port: port).openStream("/flood")
            for await _ in ended { break }
            // Data in flight arrives, and then the end.
            _ = try? await HTTPExchange.drain(socket)
        }
        try places.take()
    }

    /// Serves routes while `body` runs.
    private static func serve(
        _ routes: Route..., limits: ConsoleLimits = ConsoleLimits(), _ body: (_ port: Int) async throws -> Void
    ) async throws {
        let responder = ConsoleResponder(routes, gate: ConsoleGate(.localhost(0)), limits: limits)
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        let server = Application(
            responder: responder, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { listening.yield($0.localAddress?.port ?? 0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            for await port in ports {
                try await body(port)
                break
            }
            group.cancelAll()
        }
    }
}
